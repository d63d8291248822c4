import type { InvitationView, Role, Session } from "../api/types";

const ROLES: readonly Role[] = ["VOLUNTEER", "EXPERT", "MANAGER", "OWNER"];

export interface Here {
  name: string;
  /** By a link in this browser, maybe beside a login: answers are given under that name. */
  hasJoined: boolean;
  /** A login: whoever joins in this browser would go on under it. */
  isSignedIn: boolean;
}

/** Who this browser is already in an invitation's project, where the link would add nothing. */
export function whoIsHere(
  { project, role }: Pick<InvitationView, "project" | "role">,
  { user, annotators, projects }: Session,
): Here | null {
  const joined = annotators.find((one) => one.project === project.slug);
  const held = projects.find((one) => one.slug === project.slug)?.role;
  const isEnough = held !== undefined && ROLES.indexOf(held) >= ROLES.indexOf(role);
  if (user && (user.is_superuser || isEnough)) {
    return {
      name: joined?.display_name || user.display_name || user.username,
      hasJoined: joined !== undefined,
      isSignedIn: true,
    };
  }
  if (joined && role === "VOLUNTEER") {
    return { name: joined.display_name, hasJoined: true, isSignedIn: false };
  }
  return null;
}
