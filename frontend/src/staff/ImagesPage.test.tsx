import { cleanup, fireEvent, render, screen, waitFor } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { ImagesPage, TogetherNote } from "./ImagesPage";
import type { StaffImage } from "./types";

const IMAGE: StaffImage = {
  id: "i",
  thumb_url: "/t",
  full_url: "/f",
  original_name: "oat-drink.jpg",
  source: "shelf",
  label: "oat-milk",
  label_names: ["Oat milk"],
  state: "RESOLVED",
  flag_reason: "",
  note: "",
};
const LABEL = {
  code: "oat-milk",
  name: "Oat milk",
  description: "",
  key: "",
  colour: "",
  retired_at: null,
  example_url: null,
  became: [],
};

function serve() {
  const answer = vi.fn(async (path: string) => {
    const body = path.includes("/images?")
      ? { results: [IMAGE], next: null }
      : path.endsWith("/labels")
        ? [LABEL, { ...LABEL, code: "tea", name: "Tea", retired_at: "2026-01-01" }]
        : path.endsWith("/shelf")
          ? { mode: "SINGLE", licence: "CC0" }
          : [];
    return new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
  });
  vi.stubGlobal("fetch", answer);
  return () => answer.mock.calls.map(([path]) => path.split("?")[1]).filter(Boolean);
}

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("labeled pictures are looked at by themselves, and by label", async () => {
  const asked = serve();
  render(<ImagesPage slug="shelf" />);

  fireEvent.click(await screen.findByRole("button", { name: "Labeled" }));
  const choice = await screen.findByLabelText("Which label");
  await screen.findByRole("option", { name: "Oat milk" });
  expect(screen.queryByRole("option", { name: "Tea" })).toBeNull();
  fireEvent.change(choice, { target: { value: "oat-milk" } });

  await waitFor(() => expect(asked()).toContain("filter=labeled&label=oat-milk"));
  fireEvent.click(screen.getByRole("button", { name: "Newest" }));
  await waitFor(() => expect(asked().at(-1)).toBe("filter=recent"));
});

test("that audit images cannot be gold is said before one is chosen", async () => {
  serve();
  render(<ImagesPage slug="shelf" />);

  expect(await screen.findByText(/Audit images cannot be gold/)).toBeTruthy();
});

test("a large group of pictures alike is named, and not on which side it is", () => {
  const { container } = render(
    <TogetherNote found={[{ n: 142, total: 150, is_left_out: false }]} />,
  );

  expect(container.textContent).toContain(
    "142 of 150 pictures look alike, or were taken in one go, and are kept together, all among the images to learn from or all among the audit images",
  );
  cleanup();
  expect(render(<TogetherNote found={[]} />).container.textContent).toBe("");
});
