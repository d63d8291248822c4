import { useState } from "preact/hooks";
import { API, api, upload } from "../api/client";
import { Button } from "../shared/Button/Button";
import { ErrorNote, messageOf } from "../shared/ErrorNote/ErrorNote";
import { Progress } from "../shared/Progress/Progress";
import { ImageGrid } from "./ImageGrid";
import type { StaffImage, UploadResult } from "./types";
import { useAction } from "./useAction";
import { useResource } from "./useResource";

const FILTERS: Record<string, string> = {
  recent: "Newest",
  flagged: "Flagged",
  none_of_these: "None of these",
  disputed: "Disputed",
};

/** So many files a request: progress is seen, and one lost connection costs little. */
const FILES_A_REQUEST = 8;

export function ImagesPage({ slug }: { slug: string }) {
  const [filter, setFilter] = useState("recent");
  const base = `staff/projects/${slug}`;
  const list = useResource<{ results: StaffImage[] }>(`${base}/images?filter=${filter}`);
  const { run } = useAction();
  const settle = (image: StaffImage, verb: "keep" | "remove") =>
    run(
      () => api.post(`${base}/images/${image.id}/${verb}`),
      verb === "keep" ? "Back in the queue." : "Taken out.",
    ).then(list.reload);

  return (
    <div class="stack">
      <Upload base={base} onDone={list.reload} />
      <Export base={base} />
      <section class="card stack">
        <h2>Images</h2>
        <div class="row" role="tablist" aria-label="Which images">
          {Object.entries(FILTERS).map(([key, name]) => (
            <Button
              key={key}
              size="s"
              role="tab"
              aria-selected={key === filter}
              tone={key === filter ? "primary" : "plain"}
              onClick={() => setFilter(key)}
            >
              {name}
            </Button>
          ))}
        </div>
        <ErrorNote error={list.error} onRetry={list.reload} />
        {list.data?.results.length === 0 && <p class="soft">None.</p>}
        <ImageGrid
          images={list.data?.results ?? []}
          caption={(image) => image.flag_reason || image.note || image.label || image.state || "–"}
          actions={(image) =>
            filter === "recent" || filter === "disputed" ? null : (
              <div class="row">
                <Button size="s" onClick={() => settle(image, "keep")}>
                  Keep
                </Button>
                <Button size="s" tone="danger" onClick={() => settle(image, "remove")}>
                  Take out
                </Button>
              </div>
            )
          }
        />
      </section>
    </div>
  );
}

function Upload({ base, onDone }: { base: string; onDone: () => void }) {
  const [source, setSource] = useState("");
  const [licence, setLicence] = useState("CC BY 4.0");
  const [done, setDone] = useState(0);
  const [total, setTotal] = useState(0);
  const [results, setResults] = useState<UploadResult[]>([]);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  const send = async (files: File[]) => {
    setBusy(true);
    setError(null);
    setResults([]);
    setTotal(files.length);
    setDone(0);
    try {
      for (let start = 0; start < files.length; start += FILES_A_REQUEST) {
        const part = files.slice(start, start + FILES_A_REQUEST);
        const form = new FormData();
        for (const file of part) form.append("files", file);
        form.set("source", source || "upload");
        form.set("licence", licence);
        const answer = await upload<{ results: UploadResult[] }>(`${base}/images`, form, (share) =>
          setDone(start + share * part.length),
        );
        setResults((before) => [...before, ...answer.results]);
        setDone(start + part.length);
      }
    } catch (failure) {
      setError(failure);
    } finally {
      setBusy(false);
      onDone();
    }
  };

  return (
    <section class="card stack">
      <h2>Add images</h2>
      <div class="two-fields">
        <div class="field">
          <label for="upload-source">Where they come from</label>
          <input
            id="upload-source"
            class="input"
            placeholder="market hall, March"
            value={source}
            onInput={(event) => setSource(event.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="upload-licence">Licence</label>
          <input
            id="upload-licence"
            class="input"
            value={licence}
            onInput={(event) => setLicence(event.currentTarget.value)}
          />
        </div>
      </div>
      <div class="field">
        <label for="upload-files">Files</label>
        <input
          id="upload-files"
          class="input"
          type="file"
          multiple
          accept="image/jpeg,image/png,image/webp,image/heic,image/heif,image/avif"
          disabled={busy}
          onChange={(event) => void send([...(event.currentTarget.files ?? [])])}
        />
        <span class="hint">
          JPEG, PNG, WebP, AVIF or HEIC. Place and camera data are taken out before storing.
        </span>
      </div>
      {total > 0 && <Progress value={Math.round(done)} max={total} label="Files sent" />}
      {error !== null && <p role="alert">{messageOf(error)}</p>}
      <UploadReport results={results} />
    </section>
  );
}

function UploadReport({ results }: { results: UploadResult[] }) {
  if (results.length === 0) return null;
  const stored = results.filter((result) => result.status === "stored").length;
  const duplicates = results.filter((result) => result.status === "duplicate").length;
  const refused = results.filter((result) => result.status === "refused");
  return (
    <div role="status" class="stack">
      <p>
        {stored} stored, {duplicates} already there, {refused.length} refused.
      </p>
      {refused.length > 0 && (
        <ul class="small">
          {refused.map((result) => (
            <li key={result.name}>
              <strong>{result.name}</strong>: {result.message}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Export({ base }: { base: string }) {
  const link = (what: string, format: string) =>
    `${API}${base}/export?${new URLSearchParams({ what, format })}`;
  return (
    <section class="card stack">
      <h2>Export</h2>
      <p class="soft small">
        Labels with probabilities and partition, or every single answer. Both stream, so size does
        not matter.
      </p>
      <div class="row">
        {["labels", "answers"].flatMap((what) =>
          ["csv", "jsonl"].map((format) => (
            <a
              key={`${what}-${format}`}
              class="button"
              data-size="s"
              href={link(what, format)}
              download
            >
              {what} as {format.toUpperCase()}
            </a>
          )),
        )}
      </div>
    </section>
  );
}
