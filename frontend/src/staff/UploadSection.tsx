import { useState } from "preact/hooks";
import { upload } from "../api/client";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { Progress } from "../shared/Progress/Progress";
import { plural } from "./format";
import type { UploadResult } from "./types";
import { batches, FILES_A_REQUEST, sentence, summary } from "./upload";

const TYPES = "image/jpeg,image/png,image/webp,image/heic,image/heif,image/avif";

interface Sending {
  sent: number;
  total: number;
  results: UploadResult[];
  error: unknown;
  isBusy: boolean;
}

const IDLE: Sending = { sent: 0, total: 0, results: [], error: null, isBusy: false };

/** Send files in small requests, so that each has its own result and a lost one costs little. */
function useUpload(path: string, onDone: () => void) {
  const [state, setState] = useState<Sending>(IDLE);
  const send = async (files: File[], fields: Record<string, string>) => {
    if (files.length === 0) return;
    let results: UploadResult[] = [];
    let sent = 0;
    const tell = (change: Partial<Sending>) => setState((before) => ({ ...before, ...change }));
    setState({ ...IDLE, total: files.length, isBusy: true });
    try {
      for (const part of batches(files, FILES_A_REQUEST)) {
        const form = new FormData();
        for (const file of part) form.append("files", file);
        for (const [name, value] of Object.entries(fields)) form.set(name, value);
        const answer = await upload<{ results: UploadResult[] }>(path, form, (share) =>
          tell({ sent: sent + share * part.length }),
        );
        sent += part.length;
        results = [...results, ...answer.results];
        tell({ sent, results });
      }
      tell({ isBusy: false });
    } catch (error) {
      tell({ error, isBusy: false });
    }
    onDone();
  };
  return { state, send };
}

export interface UploadSectionProps {
  base: string;
  slug: string;
  licence: string;
  onDone: () => void;
}

export function UploadSection({ base, slug, licence, onDone }: UploadSectionProps) {
  const [source, setSource] = useState("");
  const [otherLicence, setLicence] = useState<string | null>(null);
  const { state, send } = useUpload(`${base}/images`, onDone);
  const [isOver, setOver] = useState(false);

  const take = (files: FileList | null | undefined) =>
    void send([...(files ?? [])], {
      source: source.trim() || "upload",
      licence: (otherLicence ?? licence).trim() || licence,
    });
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (!state.isBusy) take(event.dataTransfer?.files);
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
            maxLength={80}
            placeholder="market hall, March"
            aria-describedby="upload-source-hint"
            value={source}
            onInput={(event) => setSource(event.currentTarget.value)}
          />
          <span id="upload-source-hint" class="hint">
            Accuracy is shown for each source by itself.
          </span>
        </div>
        <div class="field">
          <label for="upload-licence">Licence</label>
          <input
            id="upload-licence"
            class="input"
            maxLength={80}
            value={otherLicence ?? licence}
            onInput={(event) => setLicence(event.currentTarget.value)}
          />
          <span class="hint">Stored with every picture.</span>
        </div>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button inside is the first. */}
      <div
        class="dropzone"
        data-over={isOver}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <input
          id="upload-files"
          class="visually-hidden"
          type="file"
          multiple
          accept={TYPES}
          disabled={state.isBusy}
          aria-describedby="upload-files-hint"
          onChange={(event) => {
            take(event.currentTarget.files);
            event.currentTarget.value = "";
          }}
        />
        <label for="upload-files" class="button" data-tone="primary" data-busy={state.isBusy}>
          {state.isBusy ? "Sending …" : "Choose pictures"}
        </label>
        <span id="upload-files-hint" class="soft small">
          or drop them here. JPEG, PNG, WebP, AVIF or HEIC. Place and camera data are taken out
          before anything is stored.
        </span>
      </div>
      {state.total > 0 && <Report state={state} slug={slug} />}
    </section>
  );
}

function Report({ state, slug }: { state: Sending; slug: string }) {
  return (
    <div class="stack upload-report">
      <div class="run">
        <p class="run-line small">
          <span>{state.isBusy ? "Sending" : "Sent"}</span>
          <span>
            {Math.floor(state.sent)} of {plural(state.total, "file")}
          </span>
        </p>
        <Progress value={Math.round(state.sent)} max={state.total} label="Files sent" />
      </div>
      <ErrorNote error={state.error} />
      <UploadReport results={state.results} slug={state.isBusy ? null : slug} />
    </div>
  );
}

interface UploadReportProps {
  results: UploadResult[];
  /** Where to go on from here; null while files are still on their way. */
  slug: string | null;
}

export function UploadReport({ results, slug }: UploadReportProps) {
  if (results.length === 0) return null;
  const found = summary(results);
  return (
    <div role="status" class="stack">
      <p>
        <strong>{sentence(found)}</strong>
        {slug !== null && found.stored > 0 && (
          <>
            {" "}
            They can be labeled in a moment: <a href={`/staff/${slug}/people`}>invite people</a> or{" "}
            <a href={`/label/${slug}`}>label yourself</a>.
          </>
        )}
      </p>
      {found.refused.length > 0 && (
        <ul class="refused small">
          {found.refused.map((result, place) => (
            <li key={`${result.name}-${place}`}>
              <strong>{result.name}</strong>: {result.message}
            </li>
          ))}
        </ul>
      )}
      <details class="small">
        <summary>Every file</summary>
        <ul class="every-file">
          {results.map((result, place) => (
            <li key={`${result.name}-${place}`}>
              {result.name}: {result.status === "duplicate" ? "already there" : result.status}
            </li>
          ))}
        </ul>
      </details>
    </div>
  );
}
