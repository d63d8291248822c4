import type { LabelingPage } from "../../api/types";
import { Button } from "../../shared/Button/Button";
import { Dialog } from "../../shared/Dialog/Dialog";
import type { Registry } from "./actions";
import { keyName } from "./keys";
import "./GuideDialog.css";

export interface GuideDialogProps {
  open: boolean;
  isFirst: boolean;
  page: Pick<LabelingPage, "guide" | "labels" | "specials" | "project" | "onboarding">;
  registry: Registry;
  onClose: () => void;
}

function Examples({ page, registry }: Pick<GuideDialogProps, "page" | "registry">) {
  return (
    <section class="stack">
      <h3>The labels</h3>
      <ul class="example-list">
        {page.labels.map((label) => {
          const key = registry.byId.get(`label:${label.code}`)?.keys[0];
          return (
            <li key={label.code} class="example">
              {label.example_url ? (
                <img src={label.example_url} alt={`Example of ${label.name}`} loading="lazy" />
              ) : null}
              <div>
                <p class="example-name">
                  {label.name} {key && <kbd class="kbd">{keyName(key)}</kbd>}
                </p>
                {label.description && <p class="soft small">{label.description}</p>}
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Keys({ registry }: Pick<GuideDialogProps, "registry">) {
  const shown = registry.commands.filter(
    (command) => command.group !== "label" && command.keys.length > 0,
  );
  return (
    <section class="stack guide-keys">
      <h3>
        Other answers<span class="about-keys">, and all keys</span>
      </h3>
      <dl class="key-list">
        {shown.map((command) => (
          <div key={command.id}>
            <dt>
              <span>{command.label}</span>
              <span class="key-set">
                {command.keys.map((key) => (
                  <kbd class="kbd" key={key}>
                    {keyName(key)}
                  </kbd>
                ))}
              </span>
            </dt>
            <dd class="soft small">{command.meaning}</dd>
          </div>
        ))}
      </dl>
      {registry.isSearching && (
        <p class="soft small about-keys">
          Just type a label's name and press Enter. The digits pick labels you used lately.
        </p>
      )}
    </section>
  );
}

export function GuideDialog({ open, isFirst, page, registry, onClose }: GuideDialogProps) {
  return (
    <Dialog open={open} title={isFirst ? "Before you start" : "Guide"} wide onClose={onClose}>
      {page.guide && <p class="guide-lines">{page.guide}</p>}
      {isFirst && page.onboarding && (
        <p>
          Your first{" "}
          {page.onboarding.of === 1 ? "image comes" : `${page.onboarding.of} images come`} with an
          answer: we say at once what each one is.
        </p>
      )}
      {isFirst && (
        <div>
          <Button tone="primary" size="l" autoFocus onClick={onClose}>
            Start labeling
          </Button>
        </div>
      )}
      <Keys registry={registry} />
      <Examples page={page} registry={registry} />
    </Dialog>
  );
}
