import { api } from "../../api/client";
import { Button } from "../../shared/Button/Button";
import { useAction } from "../useAction";

/** Try another kind of classifier on the same labels; the usual check decides. */
export function OtherHead({ base, onAsked }: { base: string; onAsked: () => void }) {
  const { busy, run } = useAction();
  const ask = async () => {
    const said = "It is being fitted and checked; the result appears among the versions.";
    if (await run(() => api.post(`${base}/train`, { kind: "logistic" }), said)) onAsked();
  };
  return (
    <section class="card stack">
      <h2>Try another kind</h2>
      <p>
        Logistic regression learns from the same labels in another way. It is checked like every
        version, on labeled images it had not learned, and serves only where it is better. The next
        version of the usual kind takes over again as soon as it is no worse.
      </p>
      <p>
        <Button busy={busy} onClick={() => void ask()}>
          Try logistic regression
        </Button>
      </p>
    </section>
  );
}
