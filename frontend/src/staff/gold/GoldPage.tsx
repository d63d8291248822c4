import { useEffect, useState } from "preact/hooks";
import { Button } from "../../shared/Button/Button";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { percent, plural } from "../format";
import { Loading } from "../Loading";
import { useResource } from "../useResource";
import { GoldDialog } from "./GoldDialog";
import { type GoldLine, type GoldPage as Page, shownBy } from "./types";
import "./gold.css";

/** The references that check people, how they are served, and which are too hard to be fair. */
export function GoldPage({ slug }: { slug: string }) {
  const [round, setRound] = useState(0);
  return <List key={round} slug={slug} onChange={() => setRound(round + 1)} />;
}

function List({ slug, onChange }: { slug: string; onChange: () => void }) {
  const [lines, setLines] = useState<GoldLine[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [open, setOpen] = useState<GoldLine | null>(null);
  const query = cursor === null ? "" : `?${new URLSearchParams({ cursor })}`;
  const { data, error, reload } = useResource<Page>(`projects/${slug}/gold${query}`);

  useEffect(() => {
    if (!data) return;
    setLines((before) => {
      const known = new Set(before.map((line) => line.image.id));
      return [...before, ...data.results.filter((line) => !known.has(line.image.id))];
    });
  }, [data]);

  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) return <Loading />;
  return (
    <section class="card stack">
      <div class="section-head">
        <h2>Gold references</h2>
        <span class="soft small">{plural(data.n, "image")}</span>
      </div>
      <p class="soft small">
        Images whose label an expert is certain of, or all labels where they may show several: an
        answer is right where it names just these. {servedWords(data)}{" "}
        <a href={`/staff/${slug}/settings`}>Settings</a>
      </p>
      {lines.length === 0 && data.results.length === 0 && (
        <p class="empty">
          None yet. Choose clear ones and tricky ones on the{" "}
          <a href={`/staff/${slug}/images`}>images page</a>, by “Gold” under a picture.
        </p>
      )}
      <ul class="gold-grid">
        {lines.map((line) => (
          <li key={line.image.id}>
            <button
              type="button"
              class="gold-tile"
              aria-label={`Change or withdraw ${shownBy(line)}`}
              onClick={() => setOpen(line)}
            >
              <img src={line.image.thumb_url} alt="" loading="lazy" />
            </button>
            <p class="image-caption small">
              <strong>{shownBy(line)}</strong>
              {line.note && <span class="soft">{line.note}</span>}
              <Tally answers={line.answers} />
            </p>
          </li>
        ))}
      </ul>
      {data.next && (
        <p>
          <Button onClick={() => setCursor(data.next)}>Show more</Button>
        </p>
      )}
      <GoldDialog
        slug={slug}
        image={open && { id: open.image.id, name: shownBy(open), label: open.label.code }}
        onClose={() => setOpen(null)}
        onChange={onChange}
      />
    </section>
  );
}

/** How gold is served now, or what is missing until it is. */
export function servedWords(page: Omit<Page, "results" | "next">): string {
  const first =
    page.onboarding_images > 0
      ? `Each newcomer begins with ${page.onboarding_images} of them and is told at once what is right. `
      : "";
  if (page.serving_share > 0) {
    const share = `bout ${percent(page.serving_share)} of the images people get are gold; nobody is told which.`;
    return first ? `${first}After that a${share}` : `A${share}`;
  }
  const missing = page.starts_at - page.n;
  if (missing <= 0) return `${first}At present none is mixed into the images people get.`;
  const enough = page.n === 0 ? `${missing}` : `${missing} more`;
  return `${first}Once there are ${enough}, some are mixed into the images people get; nobody is told which.`;
}

const FEW = 4;

/** More wrong than right, by enough people: the reference itself may be wrong or unfair. */
export function isDoubtful({ right, wrong }: GoldLine["answers"]): boolean {
  return right + wrong >= FEW && wrong > right;
}

function Tally({ answers }: { answers: GoldLine["answers"] }) {
  const total = answers.right + answers.wrong;
  if (total === 0) return <span class="soft">not answered yet</span>;
  return (
    <span class={isDoubtful(answers) ? "doubtful" : "soft"}>
      {answers.right} of {total} right
      {isDoubtful(answers) && ": is the reference right?"}
    </span>
  );
}
