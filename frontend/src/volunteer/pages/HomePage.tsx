import type { Session } from "../../api/types";
import { ErrorNote } from "../../shared/ErrorNote/ErrorNote";
import { useLoad } from "../../shared/useLoad";
import { useTitle } from "../../shared/useTitle";
import { Shell } from "../Shell";
import { loadSession } from "../session";

interface Place {
  slug: string;
  name: string;
  as: string;
  isExpert: boolean;
}

/** Every project this browser may label in, joined by name or by sign-in, each once. */
function placesOf(session: Session): Place[] {
  const places = new Map<string, Place>();
  for (const { slug, name, role } of session.projects) {
    const as = session.user?.display_name || session.user?.username || "";
    places.set(slug, { slug, name, as, isExpert: role !== "VOLUNTEER" });
  }
  for (const { project, project_name, display_name } of session.annotators) {
    const known = places.get(project);
    places.set(project, {
      slug: project,
      name: project_name,
      as: display_name,
      isExpert: known?.isExpert ?? false,
    });
  }
  return [...places.values()];
}

function ProjectCard({ place }: { place: Place }) {
  return (
    <li class="card project-card">
      <div>
        <h2>{place.name}</h2>
        {place.as && <p class="soft">You label as {place.as}</p>}
      </div>
      <div class="row">
        <a class="button" data-tone="primary" href={`/label/${place.slug}`}>
          Label images
        </a>
        <a class="button" href={`/try/${place.slug}`}>
          Try it on a photo
        </a>
        {place.isExpert && (
          <a class="button" href={`/expert/${place.slug}`}>
            Settle as an expert
          </a>
        )}
      </div>
    </li>
  );
}

function Welcome() {
  return (
    <>
      <h1>Label images together</h1>
      <p class="lead">
        Larder shows you one image at a time and asks what is in it. Each answer teaches a
        classifier, and the classifier asks next about what it finds hardest.
      </p>
      <div class="card stack">
        <h2>How to take part</h2>
        <p>
          You need an invitation link from the coordinator of a project. Open it here, choose a
          name, and start; no e-mail address and no password.
        </p>
        <p class="soft">
          Joined before, on another device? Open your personal link, and you go on where you were.
        </p>
      </div>
    </>
  );
}

export function HomePage() {
  useTitle("");
  const { data, error, reload } = useLoad("session", loadSession);
  const places = data ? placesOf(data) : [];
  const isStaff = data?.user != null;
  return (
    <Shell
      key={data === null ? "loading" : "loaded"}
      nav={isStaff && <a href="/staff/">Staff room</a>}
    >
      {error !== null && <ErrorNote error={error} onRetry={reload} />}
      {data !== null && places.length === 0 && <Welcome />}
      {places.length > 0 && (
        <>
          <h1>Good to see you</h1>
          <p class="lead">Pick up where you left off. A few minutes already help.</p>
          <ul class="project-list">
            {places.map((place) => (
              <ProjectCard key={place.slug} place={place} />
            ))}
          </ul>
        </>
      )}
    </Shell>
  );
}
