/** Something to know, and what to do about it, above the answers. */
export function NoticeLine({
  text,
  action,
  onDo,
}: {
  text: string;
  action: string;
  onDo: () => void;
}) {
  return (
    <div class="previous" role="alert">
      <p class="previous-text">{text}</p>
      <button type="button" class="button" data-size="s" onClick={onDo}>
        {action}
      </button>
    </div>
  );
}
