import { useState } from "preact/hooks";
import { Dialog } from "../shared/Dialog/Dialog";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { percent } from "./format";
import { ImageGrid } from "./ImageGrid";
import type { CellImage, Confusion } from "./types";
import { useResource } from "./useResource";

interface Cell {
  truth: number;
  predicted: number;
}

export function ConfusionPage({ slug }: { slug: string }) {
  const { data, error, reload } = useResource<Confusion>(`staff/projects/${slug}/confusion`);
  const [cell, setCell] = useState<Cell | null>(null);

  if (error) return <ErrorNote error={error} onRetry={reload} />;
  if (!data) return <p>Loading …</p>;
  if (data.n === 0) {
    return (
      <section class="card stack">
        <h2>Mix-ups</h2>
        <p>Nothing to show yet: this table counts audit images that are settled.</p>
      </section>
    );
  }
  return (
    <section class="card stack">
      <h2>Mix-ups</h2>
      <p class="soft">
        {data.n} audit images. Rows are what people said, columns what the classifier says. Choose a
        cell to see its images.
      </p>
      <Worst confusion={data} onOpen={setCell} />
      <Matrix confusion={data} onOpen={setCell} />
      {cell && (
        <CellDialog slug={slug} confusion={data} cell={cell} onClose={() => setCell(null)} />
      )}
    </section>
  );
}

function Worst({ confusion, onOpen }: { confusion: Confusion; onOpen: (cell: Cell) => void }) {
  const wrong = confusion.counts
    .flatMap((row, truth) => row.map((n, predicted) => ({ truth, predicted, n })))
    .filter((entry) => entry.truth !== entry.predicted && entry.n > 0)
    .sort((a, b) => b.n - a.n)
    .slice(0, 8);
  const name = (index: number) => confusion.labels[index]?.name ?? "?";
  if (wrong.length === 0) return <p>No mix-up among the audit images.</p>;
  return (
    <ul class="worst">
      {wrong.map((entry) => (
        <li key={`${entry.truth}-${entry.predicted}`}>
          <button type="button" class="link-button" onClick={() => onOpen(entry)}>
            {name(entry.truth)} taken for {name(entry.predicted)}
          </button>{" "}
          <span class="soft">× {entry.n}</span>
        </li>
      ))}
    </ul>
  );
}

function Matrix({ confusion, onOpen }: { confusion: Confusion; onOpen: (cell: Cell) => void }) {
  const { labels, counts } = confusion;
  const shown = labels
    .map((_, index) => index)
    .filter(
      (index) =>
        (counts[index] ?? []).some((n) => n > 0) || counts.some((row) => (row[index] ?? 0) > 0),
    );
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table must scroll by keyboard too.
    <section class="matrix-scroll" tabIndex={0} aria-label="Confusion matrix">
      <table class="matrix">
        <thead>
          <tr>
            <td />
            {shown.map((index) => (
              <th key={index} scope="col">
                <span>{labels[index]?.name}</span>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((truth) => {
            const row = counts[truth] ?? [];
            const total = row.reduce((sum, n) => sum + n, 0);
            return (
              <tr key={truth}>
                <th scope="row">{labels[truth]?.name}</th>
                {shown.map((predicted) => {
                  const n = row[predicted] ?? 0;
                  const share = total ? n / total : 0;
                  return (
                    <td
                      key={predicted}
                      data-right={truth === predicted}
                      style={n ? { "--share": `${Math.round(15 + share * 70)}%` } : undefined}
                      data-full={n > 0}
                    >
                      {n > 0 && (
                        <button
                          type="button"
                          onClick={() => onOpen({ truth, predicted })}
                          aria-label={`${labels[truth]?.name} as ${labels[predicted]?.name}: ${n}`}
                        >
                          {n}
                        </button>
                      )}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function CellDialog({
  slug,
  confusion,
  cell,
  onClose,
}: {
  slug: string;
  confusion: Confusion;
  cell: Cell;
  onClose: () => void;
}) {
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
      <ErrorNote error={error} />
      {data ? (
        <ImageGrid images={data} caption={(image) => `the classifier says ${percent(image.p)}`} />
      ) : (
        <p>Loading …</p>
      )}
    </Dialog>
  );
}
