import type { ComponentChildren } from "preact";
import { Button } from "../../shared/Button/Button";
import { percent } from "../format";
import { type Doubt, saidWords, shownShares } from "./review";

interface Props {
  doubt: Doubt;
  isBusy: boolean;
  actions: Record<string, () => void>;
}

/** One label of a picture that may show several: what is said of it, and yes or no. */
export function OneLabel({ doubt, isBusy, actions }: Props) {
  const { name } = doubt.given;
  const shares = shownShares(doubt);
  const button = (key: string, words: ComponentChildren) => (
    <Button aria-disabled={isBusy} onClick={() => actions[key]?.()}>
      {words} <kbd class="kbd">{key.toUpperCase()}</kbd>
    </Button>
  );
  return (
    <div class="stack">
      <p class="review-given">
        <span class="soft small">Does it show</span> <strong>{name}?</strong>
      </p>
      <dl class="review-evidence small">
        <dt>People</dt>
        <dd>{saidWords(doubt)}</dd>
        <dt>The classifier</dt>
        <dd>{percent(shares.classifier)} likely that it is there</dd>
        <dt>Pictures like it</dt>
        <dd>{percent(shares.neighbours)} show it</dd>
      </dl>
      <div class="review-choices">
        {button("y", `Yes, it shows ${name}`)}
        {button("n", `No, it does not show ${name}`)}
        <div class="review-others">
          {button("t", "Can't tell")}
          {button("s", "Later")}
        </div>
      </div>
    </div>
  );
}
