import { useState } from "preact/hooks";
import { Dialog } from "../shared/Dialog/Dialog";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { type Cell, rightCount, shownLabels, worst } from "./confusion";
import { percent, plural } from "./format";
import { ImageGrid } from "./ImageGrid";
import { Loading } from "./Loading";
import type { CellImage, Confusion } from "./types";
import { useResource } from "./useResource";

/** From so many labels on, the whole table starts folded to those that are mixed up. */
const MANY_LABELS = 16;

export function ConfusionPage({ slug }: { slug: string }) {
  const { data, error, reload } = useResource<Confusion>(`staff/projects/${slug}/confusion`);
  const [cell, setCell] = useState<Cell | null>(null);

  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) return <Loading />;
  if (data.n === 0) return <NothingYet slug={slug} />;
  return (
    <div class="stack">
      <section class="card stack">
        <h2>What is taken for what</h2>
        <p class="soft">
          Version {data.version} got {rightCount(data)} of {plural(data.n, "audit image")} right.
          The audit images are drawn at random and never learned from.
        </p>
        <Worst confusion={data} onOpen={setCell} />
      </section>
      <Matrix confusion={data} onOpen={setCell} />
      {cell && (
        <CellDialog slug={slug} confusion={data} cell={cell} onClose={() => setCell(null)} />
      )}
    </div>
  );
}

function NothingYet({ slug }: { slug: string }) {
  return (
    <section class="card stack empty">
      <h2>No mix-up can be counted yet</h2>
      <p>
        This page compares the labels of audit images with what the classifier says. It needs a
        classifier and audit images with enough answers.
      </p>
      <p>
        <a class="button" data-tone="primary" href={`/label/${slug}`}>
          Label some images
        </a>
      </p>
    </section>
  );
}

function Worst({ confusion, onOpen }: { confusion: Confusion; onOpen: (cell: Cell) => void }) {
  const found = worst(confusion);
  const name = (index: number) => confusion.labels[index]?.name ?? "?";
  if (found.length === 0) return <p>No mix-up among the audit images.</p>;
  return (
    <ol class="worst">
      {found.map((entry) => (
        <li key={`${entry.truth}-${entry.predicted}`}>
          <button type="button" class="worst-button" onClick={() => onOpen(entry)}>
            <span class="worst-count">{entry.n}×</span>
            <span>
              <strong>{name(entry.truth)}</strong> taken for{" "}
              <strong>{name(entry.predicted)}</strong>
              <span class="soft small"> · {percent(entry.share)} of its images</span>
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Matrix({ confusion, onOpen }: { confusion: Confusion; onOpen: (cell: Cell) => void }) {
  const { labels, counts } = confusion;
  const all = shownLabels(confusion, false);
  const [isFolded, setFolded] = useState(all.length > MANY_LABELS);
  const shown = isFolded ? shownLabels(confusion, true) : all;
  return (
    <section class="card stack">
      <div class="section-head">
        <h2>The whole table</h2>
        {all.length > MANY_LABELS && (
          <label class="check small">
            <input
              type="checkbox"
              checked={isFolded}
              onChange={(event) => setFolded(event.currentTarget.checked)}
            />
            Only labels that are mixed up
          </label>
        )}
      </div>
      <p class="soft small">
        A row is the label that pictures have, from people or from their folder; a column what the
        classifier says. Green is right, orange is wrong; the stronger the colour, the larger the
        share of its row. Choose a number to see its images.
      </p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table must scroll by keyboard too. */}
      <section class="matrix-scroll" tabIndex={0} aria-label="Confusion matrix">
        <table class="matrix">
          <thead>
            <tr>
              <td class="matrix-corner">
                <span class="soft">their label ↓</span>
                <span class="soft">classifier says →</span>
              </td>
              {shown.map((index) => (
                <th key={index} scope="col">
                  <span>{labels[index]?.name}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((truth) => (
              <MatrixRow
                key={truth}
                truth={truth}
                row={counts[truth] ?? []}
                shown={shown}
                labels={labels}
                onOpen={onOpen}
              />
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

interface RowProps {
  truth: number;
  row: number[];
  shown: number[];
  labels: Confusion["labels"];
  onOpen: (cell: Cell) => void;
}

function MatrixRow({ truth, row, shown, labels, onOpen }: RowProps) {
  const total = row.reduce((sum, n) => sum + n, 0);
  return (
    <tr>
      <th scope="row">{labels[truth]?.name}</th>
      {shown.map((predicted) => {
        const n = row[predicted] ?? 0;
        const isRight = truth === predicted;
        if (n === 0) return <td key={predicted} data-right={isRight} />;
        const share = `${Math.round(18 + (n / total) * 42)}%`;
        return (
          <td key={predicted} data-right={isRight} data-full style={{ "--share": share }}>
            <button
              type="button"
              onClick={() => onOpen({ truth, predicted })}
              aria-label={`${labels[truth]?.name} seen as ${labels[predicted]?.name}: ${n}`}
            >
              {n}
            </button>
          </td>
        );
      })}
    </tr>
  );
}

interface CellDialogProps {
  slug: string;
  confusion: Confusion;
  cell: Cell;
  onClose: () => void;
}

function CellDialog({ slug, confusion, cell, onClose }: CellDialogProps) {
  const truth = confusion.labels[cell.truth];
  const predicted = confusion.labels[cell.predicted];
  const query = new URLSearchParams({
    truth: truth?.code ?? "",
    predicted: predicted?.code ?? "",
  });
  const { data, error } = useResource<CellImage[]>(
    `staff/projects/${slug}/confusion/images?${query}`,
  );
  return (
    <Dialog open wide title={`${truth?.name} seen as ${predicted?.name}`} onClose={onClose}>
      <p class="soft small">
        The surest first. Is it the picture, the label, or the guide? An answer can be corrected on
        the <a href={`/expert/${slug}`}>expert page</a> once it is disputed.
      </p>
      <ErrorNote error={error} />
      {data ? (
        <ImageGrid
          images={data}
          name={(image) => `Image, ${predicted?.name} with ${percent(image.p)}`}
          caption={(image) => `${predicted?.name} with ${percent(image.p)}`}
        />
      ) : (
        <Loading />
      )}
    </Dialog>
  );
}
