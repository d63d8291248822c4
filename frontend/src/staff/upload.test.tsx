import { cleanup, render, screen } from "@testing-library/preact";
import { afterEach, describe, expect, test } from "vitest";
import type { UploadResult } from "./types";
import { UploadReport } from "./UploadSection";
import { batches, sentence, summary } from "./upload";

const STORED: UploadResult = { name: "apple.jpg", status: "stored", image: "1" };
const AGAIN: UploadResult = { name: "again.jpg", status: "duplicate", image: "1" };
const BROKEN: UploadResult = {
  name: "broken.jpg",
  status: "refused",
  code: "truncated",
  message: "The picture is cut off.",
};

afterEach(cleanup);

describe("the report of an upload", () => {
  test("counts each kind and names what was refused with its reason", () => {
    render(<UploadReport results={[STORED, AGAIN, BROKEN]} slug={null} />);

    expect(screen.getByText("1 stored, 1 already there, 1 refused.")).toBeTruthy();
    const refused = document.querySelector(".refused");
    expect(refused?.textContent).toBe("broken.jpg: The picture is cut off.");
  });

  test("keeps two files of one name apart", () => {
    render(<UploadReport results={[BROKEN, BROKEN]} slug={null} />);

    expect(document.querySelectorAll(".refused li")).toHaveLength(2);
  });

  test("says nothing of kinds that did not happen", () => {
    expect(sentence(summary([STORED, STORED]))).toBe("2 stored.");
  });

  test("leads on to who labels them, once all are there", () => {
    render(<UploadReport results={[STORED]} slug="shelf" />);

    const invite = screen.getByRole("link", { name: "invite people" });
    expect(invite.getAttribute("href")).toBe("/staff/shelf/people");
    cleanup();
    render(<UploadReport results={[AGAIN]} slug="shelf" />);
    expect(screen.queryByRole("link")).toBeNull();
  });

  test("is not there before the first result", () => {
    render(<UploadReport results={[]} slug={null} />);

    expect(screen.queryByRole("status")).toBeNull();
  });
});

test("files go in batches, the last one smaller, none lost", () => {
  expect(batches([1, 2, 3, 4, 5], 2)).toEqual([[1, 2], [3, 4], [5]]);
  expect(batches([], 2)).toEqual([]);
});
