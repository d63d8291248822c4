/// <reference types="vitest/config" />
import preact from "@preact/preset-vite";
import { defineConfig, type Plugin } from "vite";

const backend = process.env.LARDER_BACKEND ?? "http://127.0.0.1:8000";

/** In development Vite answers for Django: page addresses lead to one of the two entries. */
function pages(): Plugin {
  return {
    name: "larder-pages",
    configureServer(server) {
      server.middlewares.use((request, _response, next) => {
        const path = (request.url ?? "").split("?")[0] ?? "";
        if (/^\/staff(\/|$)/.test(path)) request.url = "/static/staff.html";
        else if (path === "/" || /^\/(label|join|try|expert)\//.test(path)) {
          request.url = "/static/index.html";
        }
        next();
      });
    },
  };
}

export default defineConfig({
  base: "/static/",
  plugins: [pages(), preact({ devToolsEnabled: false, reactAliasesEnabled: false })],
  server: {
    proxy: Object.fromEntries(
      ["/api", "/login", "/resume", "/admin"].map((path) => [path, { target: backend }]),
    ),
  },
  build: {
    manifest: true,
    target: "es2022",
    // Nothing inlined: the content security policy allows no data: scripts and no inline styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: { index: "index.html", staff: "staff.html" } },
  },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.{ts,tsx}"],
    restoreMocks: true,
  },
});
