import { cleanup, fireEvent, render, screen } from "@testing-library/preact";
import { afterEach, expect, test, vi } from "vitest";
import { PeoplePage } from "./PeoplePage";

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

test("what is typed into the form for links is not lost when the people arrive", async () => {
  let arrive = () => {};
  const people = new Promise<Response>((resolve) => {
    arrive = () => resolve(new Response("[]"));
  });
  vi.stubGlobal("fetch", async (url: string) => {
    if (url.endsWith("/people")) return people;
    if (url.endsWith("/agreement")) return new Response('{"now": null, "points": []}');
    if (url.endsWith("/adjudication")) return new Response('{"open": 0, "settled": 0}');
    return new Response(/invitations|messages/.test(url) ? "[]" : "{}");
  });
  render(<PeoplePage slug="shelf" />);
  expect(screen.queryByLabelText("People at most")).toBeNull();

  arrive();
  const box = await screen.findByLabelText<HTMLInputElement>("People at most");
  fireEvent.input(box, { target: { value: "5" } });
  await new Promise((resolve) => setTimeout(resolve, 20));

  expect(screen.getByLabelText<HTMLInputElement>("People at most").value).toBe("5");
});
