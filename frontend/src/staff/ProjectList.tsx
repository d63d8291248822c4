import { useState } from "preact/hooks";
import { api } from "../api/client";
import { Button } from "../shared/Button/Button";
import { useSession } from "./session";
import { useAction } from "./useAction";

export function ProjectList() {
  const { session, reload } = useSession();
  return (
    <main class="staff-page stack">
      <header class="staff-top">
        <h1>Staff room</h1>
        <span class="soft">{session.user?.display_name || session.user?.username}</span>
        <Button
          size="s"
          tone="quiet"
          onClick={() => api.post("session/logout").then(() => location.assign("/staff/"))}
        >
          Sign out
        </Button>
      </header>
      {session.projects.length === 0 && <p>There is no project yet. Make the first one below.</p>}
      <ul class="project-list">
        {session.projects.map((project) => (
          <li key={project.slug}>
            <a class="card project-card" href={`/staff/${project.slug}`}>
              <strong>{project.name}</strong>
              <span class="soft small">{project.role.toLowerCase()}</span>
            </a>
          </li>
        ))}
      </ul>
      <NewProject onMade={reload} />
    </main>
  );
}

function NewProject({ onMade }: { onMade: () => void }) {
  const [name, setName] = useState("");
  const [classes, setClasses] = useState("");
  const { busy, run } = useAction();

  const submit = async (event: Event) => {
    event.preventDefault();
    const list = classes
      .split(/[,\n]/)
      .map((part) => part.trim())
      .filter(Boolean);
    const isMade = await run(
      () => api.post("staff/projects", { name, classes: list }),
      `${name} is ready.`,
    );
    if (isMade) {
      setName("");
      setClasses("");
      onMade();
    }
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
          placeholder="rice, pasta, beans"
          value={classes}
          onInput={(event) => setClasses(event.currentTarget.value)}
        />
        <span class="hint">Between commas or one a line. You can add and rename them later.</span>
      </div>
      <div>
        <Button type="submit" tone="primary" busy={busy}>
          Make the project
        </Button>
      </div>
    </form>
  );
}
