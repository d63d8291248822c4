import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Session } from "./types";

export interface SessionValue {
  session: Session;
  reload: () => Promise<void>;
}

export const SessionContext = createContext<SessionValue | null>(null);

/** Who is signed in. Only below the provider in main.tsx. */
export function useSession(): SessionValue {
  const value = useContext(SessionContext);
  if (!value) throw new Error("useSession needs SessionContext around it");
  return value;
}

const MANAGING = new Set(["MANAGER", "OWNER"]);

/** The projects somebody may manage: experts and volunteers have no staff room. */
export function managed(session: Session): Session["projects"] {
  return session.projects.filter((project) => MANAGING.has(project.role));
}
