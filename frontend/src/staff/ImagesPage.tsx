import { useEffect, useState } from "preact/hooks";
import { API, api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { count } from "../shared/numbers";
import { usePolling } from "../shared/usePolling";
import { FLAG_REASON, IMAGE_STATE, words } from "./format";
import { GoldDialog } from "./gold/GoldDialog";
import "./gold/gold.css";
import { ImageGrid } from "./ImageGrid";
import { Loading } from "./Loading";
import { FindMore, Searches } from "./Searches";
import type {
  DriftedUploads,
  ImagePage,
  KeptTogether,
  ProjectSettings,
  StaffImage,
  StaffLabel,
} from "./types";
import { UploadSection } from "./UploadSection";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

interface Filter {
  name: string;
  about: string;
  empty: string;
}

const FILTERS: Record<string, Filter> = {
  recent: {
    name: "Newest",
    about: "All pictures, the newest first.",
    empty: "No pictures yet. Add the first ones above.",
  },
  labeled: {
    name: "Labeled",
    about: "Pictures whose label is settled, the newest first.",
    empty: "No picture is labeled so.",
  },
  flagged: {
    name: "Flagged",
    about: "Nobody is shown these until you keep them or take them out.",
    empty: "Nothing is flagged.",
  },
  none_of_these: {
    name: "None of these",
    about: "People say that these show none of the labels. Is a label missing?",
    empty: "No picture was called none of these.",
  },
  disputed: {
    name: "Disputed",
    about: "People disagree. An expert settles these, blind.",
    empty: "No picture is disputed.",
  },
};

export function ImagesPage({ slug }: { slug: string }) {
  const base = `staff/projects/${slug}`;
  const project = useResource<ProjectSettings>(base);
  const [round, setRound] = useState(0);
  const [searches, setSearches] = useState(0);
  return (
    <div class="stack">
      <Searches base={base} round={searches} />
      {project.data && (
        <UploadSection
          base={base}
          slug={slug}
          licence={String(project.data.licence ?? "")}
          onDone={() => setRound(round + 1)}
        />
      )}
      <ErrorNote error={project.error} onRetry={project.reload} />
      <Drifted base={base} round={round} />
      <Together base={base} />
      <Collection slug={slug} round={round} onSearch={() => setSearches((n) => n + 1)} />
      <Export base={base} />
    </div>
  );
}

function Drifted({ base, round }: { base: string; round: number }) {
  const { data } = useResource<DriftedUploads[]>(`${base}/drift?round=${round}`);
  return <DriftNote found={data ?? []} />;
}

/** Uploads that look different from what was there before, a sentence each. */
export function DriftNote({ found }: { found: readonly DriftedUploads[] }) {
  if (found.length === 0) return null;
  return (
    <section class="notice stack" aria-label="Uploads that look different">
      {found.map((batch) => (
        <p key={`${batch.source} ${batch.day}`}>{batch.sentence}</p>
      ))}
    </section>
  );
}

/** Pictures are grouped some seconds after they came, in the background. */
const GROUPED_MS = 15_000;

function Together({ base }: { base: string }) {
  const { data } = usePolling<KeptTogether[]>(`${base}/kept-together`, GROUPED_MS);
  return <TogetherNote found={data ?? []} />;
}

// Not on which side: whoever also labels would know some of the audit images.
const ONE_SIDE =
  "all among the images to learn from or all among the audit images, so that nothing learns from what measures it";
const NO_SIDE = "and left out, as they resemble images to learn from and audit images alike";

/** Pictures that look alike must not be on both sides of the check; a large group is a surprise. */
export function TogetherNote({ found }: { found: readonly KeptTogether[] }) {
  if (found.length === 0) return null;
  return (
    <section class="notice stack" aria-label="Pictures that look alike">
      {found.map(({ n, total, is_left_out }, place) => (
        <p key={`${n} ${place}`}>
          {count(n)} of {count(total)} pictures look alike, or were taken in one go, and are kept
          together, {is_left_out ? NO_SIDE : ONE_SIDE}.
        </p>
      ))}
      <p class="soft small">
        Pictures that differ more from each other tell more, to learn from and as audit images.
      </p>
    </section>
  );
}

interface CollectionProps {
  slug: string;
  round: number;
  /** Somebody wants more like a picture. */
  onSearch: () => void;
}

function Collection({ slug, round, onSearch }: CollectionProps) {
  const [filter, setFilter] = useState("recent");
  const [label, setLabel] = useState("");
  const about = FILTERS[filter];
  return (
    <section class="card stack">
      <h2>Images</h2>
      <fieldset class="segments">
        <legend class="visually-hidden">Which images</legend>
        {Object.entries(FILTERS).map(([key, { name }]) => (
          <Button
            key={key}
            size="s"
            tone="quiet"
            aria-pressed={key === filter}
            onClick={() => setFilter(key)}
          >
            {name}
          </Button>
        ))}
      </fieldset>
      <p class="soft small">
        {about?.about}{" "}
        {filter === "disputed" && <a href={`/expert/${slug}`}>Open the expert page</a>}
        {filter === "none_of_these" && <a href={`/staff/${slug}/labels`}>Open the labels</a>}
      </p>
      {filter === "labeled" && <LabelChoice slug={slug} value={label} onChange={setLabel} />}
      <Pages
        key={`${filter}-${label}-${round}`}
        slug={slug}
        filter={filter}
        label={filter === "labeled" ? label : ""}
        onSearch={onSearch}
      />
    </section>
  );
}

interface LabelChoiceProps {
  slug: string;
  value: string;
  onChange: (code: string) => void;
}

function LabelChoice({ slug, value, onChange }: LabelChoiceProps) {
  const { data } = useResource<StaffLabel[]>(`staff/projects/${slug}/labels`);
  const live = (data ?? []).filter((label) => label.retired_at === null);
  return (
    <div class="field label-choice">
      <label for="images-label">Which label</label>
      <select
        id="images-label"
        class="input"
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        <option value="">Every label</option>
        {live.map(({ code, name }) => (
          <option key={code} value={code}>
            {name}
          </option>
        ))}
      </select>
    </div>
  );
}

interface PagesProps extends Omit<CollectionProps, "round"> {
  filter: string;
  /** Code of the label to look at; empty for every one. */
  label: string;
}

function Pages({ slug, filter, label, onSearch }: PagesProps) {
  const base = `staff/projects/${slug}/images`;
  const [images, setImages] = useState<StaffImage[]>([]);
  const [cursor, setCursor] = useState<number | null>(null);
  const query = new URLSearchParams({ filter });
  if (label !== "") query.set("label", label);
  if (cursor !== null) query.set("cursor", String(cursor));
  const { data, error, reload } = useResource<ImagePage>(`${base}?${query}`);
  const [gold, setGold] = useState<StaffImage | null>(null);
  const { busy, run } = useAction();

  useEffect(() => {
    if (!data) return;
    setImages((before) => merged(before, data.results));
  }, [data]);

  const settle = async (image: StaffImage, verb: "keep" | "remove") => {
    const said = verb === "keep" ? "Kept: it may be shown again." : "Taken out of everything.";
    if (await run(() => api.post(`${base}/${image.id}/${verb}`), said)) {
      setImages((before) => before.filter((one) => one.id !== image.id));
    }
  };

  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data && images.length === 0) return <Loading />;
  if (data && images.length === 0 && data.results.length === 0) {
    return <p class="empty">{FILTERS[filter]?.empty}</p>;
  }
  return (
    <>
      {images.length > 0 && (
        <p class="soft small">
          Gold is a picture whose right answer you know. Audit images cannot be gold; which they are
          is told only once you choose one, so that nobody labels them with more care.
        </p>
      )}
      <ImageGrid
        images={images}
        name={(image) => image.original_name || "Image"}
        caption={(image) => <Caption image={image} filter={filter} />}
        actions={(image) => (
          <div class="image-actions">
            <Settle image={image} filter={filter} busy={busy} onSettle={settle} />
            <Button
              size="s"
              tone="quiet"
              aria-label={`Gold: ${image.original_name}`}
              onClick={() => setGold(image)}
            >
              Gold
            </Button>
            <FindMore
              base={`staff/projects/${slug}`}
              like={{ images: [image.id] }}
              name={image.original_name || "this picture"}
              onDone={onSearch}
            />
          </div>
        )}
      />
      <GoldDialog
        slug={slug}
        image={gold && { id: gold.id, name: gold.original_name || "Image", label: gold.label }}
        onClose={() => setGold(null)}
        onChange={reload}
      />
      {data?.next && (
        <p>
          <Button onClick={() => setCursor(data.next)}>Show more</Button>
        </p>
      )}
    </>
  );
}

/** The pages so far and one more; what came again is taken as it is now. */
export function merged<T extends { id: string }>(before: readonly T[], more: readonly T[]): T[] {
  const fresh = new Map(more.map((one) => [one.id, one]));
  const kept = before.map((one) => fresh.get(one.id) ?? one);
  const known = new Set(before.map((one) => one.id));
  return [...kept, ...more.filter((one) => !known.has(one.id))];
}

interface SettleProps {
  image: StaffImage;
  filter: string;
  busy: boolean;
  onSettle: (image: StaffImage, verb: "keep" | "remove") => void;
}

function Settle({ image, filter, busy, onSettle }: SettleProps) {
  if (filter !== "flagged" && filter !== "none_of_these") return null;
  return (
    <>
      {filter === "flagged" && (
        <Button
          size="s"
          busy={busy}
          aria-label={`Keep ${image.original_name}`}
          onClick={() => onSettle(image, "keep")}
        >
          Keep
        </Button>
      )}
      <Button
        size="s"
        tone="danger"
        busy={busy}
        aria-label={`Take out ${image.original_name}`}
        onClick={() => onSettle(image, "remove")}
      >
        Take out
      </Button>
    </>
  );
}

function Caption({ image, filter }: { image: StaffImage; filter: string }) {
  const state =
    filter === "flagged" && image.flag_reason
      ? (FLAG_REASON[image.flag_reason] ?? words(image.flag_reason))
      : image.label_names.join(", ") || IMAGE_STATE[image.state] || words(image.state);
  return (
    <>
      <strong>{state}</strong>
      <span class="soft">{image.note || image.source}</span>
    </>
  );
}

const EXPORTS = { labels: "Labels", answers: "Every answer" } as const;

function Export({ base }: { base: string }) {
  const link = (what: string, format: string) =>
    `${API}${base}/export?${new URLSearchParams({ what, file_format: format })}`;
  return (
    <section class="card stack">
      <h2>Export</h2>
      <p class="soft small">
        Labels with their probabilities and partition, a row an image; or every single answer.
      </p>
      <div class="row">
        {Object.entries(EXPORTS).flatMap(([what, name]) =>
          ["csv", "jsonl"].map((format) => (
            <a
              key={`${what}-${format}`}
              class="button"
              data-size="s"
              href={link(what, format)}
              download
            >
              {name}, {format.toUpperCase()}
            </a>
          )),
        )}
      </div>
    </section>
  );
}
