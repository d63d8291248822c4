/** Shown while the first answer is on its way. */
export function Loading() {
  return (
    <p class="soft loading" role="status">
      Loading …
    </p>
  );
}
