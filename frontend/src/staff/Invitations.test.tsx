import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, expect, test } from "vitest";
import { isOnlyHere, MadeLink } from "./Invitations";

const MADE = {
  id: "1",
  role: "VOLUNTEER" as const,
  created_at: "2026-11-01T10:00:00Z",
  expires_at: "2026-11-15T10:00:00Z",
  revoked_at: null,
  uses: 0,
  use_limit: 100,
  url: "http://127.0.0.1:8000/join/x",
  qr_svg: "<svg/>",
};

afterEach(cleanup);

test("a link that opens on this computer only says so, and what to do for phones", () => {
  render(<MadeLink invitation={MADE} />);
  expect(screen.getByText(/opens on this computer only/)).toBeTruthy();
  cleanup();

  render(<MadeLink invitation={{ ...MADE, url: "http://192.168.1.7:8000/join/x" }} />);
  expect(screen.queryByText(/opens on this computer only/)).toBeNull();
});

test("any name of this machine is this machine", () => {
  expect(isOnlyHere("http://localhost:8000/join/x")).toBe(true);
  expect(isOnlyHere("http://[::1]:8000/join/x")).toBe(true);
  expect(isOnlyHere("https://larder.example.org/join/x")).toBe(false);
});
