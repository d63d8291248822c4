import { render } from "preact";
import "../styles/tokens.css";
import "../styles/base.css";

function StaffRoom() {
  return (
    <main class="stack">
      <h1>Staff room</h1>
    </main>
  );
}

const root = document.getElementById("app");
if (root) render(<StaffRoom />, root);
