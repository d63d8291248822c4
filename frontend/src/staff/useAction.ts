import { useState } from "preact/hooks";
import { messageOf } from "../shared/ErrorNote/ErrorNote";
import { toast } from "../shared/Toast/Toast";

/** Run something that may fail: busy meanwhile, its error as a toast, `done` said on success. */
export function useAction(): {
  busy: boolean;
  run: (work: () => Promise<unknown>, done?: string) => Promise<boolean>;
} {
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<unknown>, done?: string) => {
    setBusy(true);
    try {
      await work();
      if (done) toast(done, "good");
      return true;
    } catch (error) {
      toast(messageOf(error), "danger");
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { busy, run };
}
