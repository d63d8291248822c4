import type { LabelingPage } from "../../api/types";
import { Button } from "../../shared/Button/Button";
import { Dialog } from "../../shared/Dialog/Dialog";
import type { Registry } from "./actions";
import { keyName } from "./keys";
import "./GuideDialog.css";

export interface GuideDialogProps {
  open: boolean;
  isFirst: boolean;
  page: Pick<LabelingPage, "guide" | "labels" | "groups" | "specials" | "project" | "onboarding">;
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

/** What to say where somebody can tell milk from juice, and not which milk. */
function Groups({ page, registry }: Pick<GuideDialogProps, "page" | "registry">) {
  if (page.groups.length === 0) return null;
  const nameOf = new Map(page.labels.map((label) => [label.code, label.name]));
  return (
    <section class="stack">
      <h3>When you are only partly sure</h3>
      <p>
        Some labels belong together. If you can tell that much and no more, say only the group: that
        helps too.
      </p>
      <dl class="key-list">
        {page.groups.map((group) => {
          const key = registry.byId.get(`group:${group.code}`)?.keys[0];
          return (
            <div key={group.code}>
              <dt>
                <span>{group.name}</span>
                {key && (
                  <span class="key-set">
                    <kbd class="kbd">{keyName(key)}</kbd>
                  </span>
                )}
              </dt>
              <dd class="soft small">
                {group.labels.map((code) => nameOf.get(code) ?? code).join(", ")}
              </dd>
            </div>
          );
        })}
      </dl>
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
      <Groups page={page} registry={registry} />
      <Examples page={page} registry={registry} />
    </Dialog>
  );
}
