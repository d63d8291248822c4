import { render } from "preact";
import "../styles/tokens.css";
import "../styles/base.css";

const root = document.getElementById("app");
if (root) render(<main />, root);
