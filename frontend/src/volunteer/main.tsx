import { render } from "preact";
import { LocationProvider, Route, Router } from "preact-iso";
import "../styles/tokens.css";
import "../styles/base.css";
import { ExpertPage } from "./pages/ExpertPage";
import { HomePage } from "./pages/HomePage";
import { JoinPage } from "./pages/JoinPage";
import { LabelPage } from "./pages/LabelPage";
import { NotFoundPage } from "./pages/NotFoundPage";
import { TryPage } from "./pages/TryPage";

/** The staff room, sign-in links and the API are other documents: their links load for real. */
const OURS = /^\/(?:$|label\/|join\/|try\/|expert\/)/;

function App() {
  return (
    <LocationProvider scope={OURS}>
      <Router>
        <Route path="/" component={HomePage} />
        <Route path="/join/:token" component={JoinPage} />
        <Route path="/label/:slug" component={LabelPage} />
        <Route path="/try/:slug" component={TryPage} />
        <Route path="/expert/:slug" component={ExpertPage} />
        <Route default component={NotFoundPage} />
      </Router>
    </LocationProvider>
  );
}

const root = document.getElementById("app");
if (root) render(<App />, root);
