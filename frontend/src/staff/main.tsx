import { render } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { LocationProvider, Route, Router } from "preact-iso";
import { api } from "../api/client";
import { ErrorNote } from "../shared/ErrorNote/ErrorNote";
import { Toasts } from "../shared/Toast/Toast";
import "../styles/tokens.css";
import "../styles/base.css";
import { Login } from "./Login";
import { ProjectList } from "./ProjectList";
import { ProjectRoom } from "./ProjectRoom";
import { SessionContext } from "./session";
import "./staff.css";
import "./charts/charts.css";
import "./figures.css";
import "./forms.css";
import "./pictures.css";
import "./versions/versions.css";
import type { Session } from "./types";

function NotFound() {
  return (
    <main class="staff-page stack">
      <h1>There is nothing here</h1>
      <p>
        <a href="/staff/">Back to the staff room</a>
      </p>
    </main>
  );
}

function StaffRoom() {
  const [session, setSession] = useState<Session | null>(null);
  const [error, setError] = useState<unknown>(null);

  const load = useCallback(() => {
    setError(null);
    return api.get<Session>("session").then(setSession, setError);
  }, []);
  useEffect(() => void load(), [load]);

  if (error) {
    return (
      <main class="staff-page">
        <ErrorNote error={error} onRetry={load} />
      </main>
    );
  }
  if (!session) return <main class="staff-page" aria-busy="true" />;
  if (!session.user) return <Login onDone={load} />;
  return (
    <SessionContext.Provider value={{ session, reload: load }}>
      <LocationProvider scope="/staff">
        <Router>
          <Route path="/staff/" component={ProjectList} />
          <Route path="/staff" component={ProjectList} />
          <Route path="/staff/:slug" component={ProjectRoom} />
          <Route path="/staff/:slug/:tab" component={ProjectRoom} />
          <Route default component={NotFound} />
        </Router>
      </LocationProvider>
      <Toasts />
    </SessionContext.Provider>
  );
}

const root = document.getElementById("app");
if (root) render(<StaffRoom />, root);
