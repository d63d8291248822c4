import { useState } from "preact/hooks";
import { useLocation } from "preact-iso";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { useTitle } from "../shared/useTitle";
import { words } from "./format";
import { managed, useSession } from "./session";
import { TopBar } from "./TopBar";
import { useAction } from "./useAction";

export function ProjectList() {
  const { session, reload } = useSession();
  const projects = managed(session);
  useTitle("Staff room");
  const mayCreate = session.user?.is_superuser === true || projects.length > 0;
  return (
    <div class="staff-page stack">
      <TopBar />
      <main class="stack">
        <h1>Your projects</h1>
        {projects.length === 0 && mayCreate && <p>There is none yet. Make the first one below.</p>}
        {projects.length === 0 && !mayCreate && <Nothing />}
        <ul class="project-list">
          {projects.map((project) => (
            <li key={project.slug}>
              <a class="card project-card" href={`/staff/${project.slug}/overview`}>
                <strong>{project.name}</strong>
                <span class="soft small">you are {words(project.role)}</span>
              </a>
            </li>
          ))}
        </ul>
        {mayCreate && <NewProject onMade={reload} />}
      </main>
    </div>
  );
}

function Nothing() {
  const { session } = useSession();
  return (
    <section class="card stack">
      <p>You manage no project. A manager can send you a link that makes you one.</p>
      {session.projects.map((project) => (
        <p key={project.slug}>
          <a href={`/label/${project.slug}`}>Label in {project.name}</a>
        </p>
      ))}
    </section>
  );
}

/** Names between commas or on lines; empty ones and repeats fall away. */
export function namesIn(text: string): string[] {
  const names = text.split(/[,\n]/).map((part) => part.trim());
  return [...new Set(names.filter(Boolean))];
}

function NewProject({ onMade }: { onMade: () => Promise<void> }) {
  const { route } = useLocation();
  const [name, setName] = useState("");
  const [classes, setClasses] = useState("");
  const [isSeveral, setSeveral] = useState(false);
  const { busy, run } = useAction();
  const names = namesIn(classes);

  const submit = async (event: Event) => {
    event.preventDefault();
    const body = { name, classes: names, mode: isSeveral ? "MULTI" : "SINGLE" };
    await run(async () => {
      const made = await api.post<{ slug: string }>("staff/projects", body);
      // Whoever made it manages it now: the session has to know before the room opens.
      await onMade();
      route(`/staff/${made.slug}/images`);
    }, `${name} is ready. Add its first pictures.`);
  };

  return (
    <form class="card stack" onSubmit={submit}>
      <h2>New project</h2>
      <div class="field">
        <label for="project-name">Name</label>
        <input
          id="project-name"
          class="input"
          required
          maxLength={120}
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for="project-classes">Labels</label>
        <textarea
          id="project-classes"
          class="input"
          required
          aria-describedby="project-classes-hint"
          placeholder="rice, pasta, beans"
          value={classes}
          onInput={(event) => setClasses(event.currentTarget.value)}
        />
        <span id="project-classes-hint" class="hint">
          Between commas, or one a line. You can add and rename them later.
          {names.length > 0 && ` So far: ${names.length}.`}
        </span>
      </div>
      <div class="switch-field">
        <input
          id="project-several"
          type="checkbox"
          checked={isSeveral}
          aria-describedby="project-several-hint"
          onChange={(event) => setSeveral(event.currentTarget.checked)}
        />
        <div class="field">
          <label for="project-several">A picture may show several of them</label>
          <span id="project-several-hint" class="hint">
            A photograph with both a mountain and a glacier gets both. This cannot be changed later.
          </span>
        </div>
      </div>
      <div>
        <Button type="submit" tone="primary" busy={busy}>
          Make the project
        </Button>
      </div>
    </form>
  );
}
