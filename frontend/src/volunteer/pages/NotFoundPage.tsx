import { useTitle } from "../../shared/useTitle";
import { Shell } from "../Shell";

export function NotFoundPage() {
  useTitle("Not found");
  return (
    <Shell>
      <h1>There is no page here</h1>
      <p class="lead">
        The address may be incomplete. Start from <a href="/">the first page</a>, or open the link
        you were sent once more.
      </p>
    </Shell>
  );
}
