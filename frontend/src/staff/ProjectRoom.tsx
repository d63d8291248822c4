import { useEffect, useRef } from "preact/hooks";
import { useRoute } from "preact-iso";
import { useTitle } from "../shared/useTitle";
import { ConfusionPage } from "./ConfusionPage";
import { GoldPage } from "./gold/GoldPage";
import { ImagesPage } from "./ImagesPage";
import { JumpList } from "./JumpList";
import { LabelsPage } from "./LabelsPage";
import { OverviewPage } from "./OverviewPage";
import { PeoplePage } from "./people/PeoplePage";
import { ReviewPage } from "./review/ReviewPage";
import { SettingsPage } from "./SettingsPage";
import { managed, useSession } from "./session";
import { TokensPage } from "./TokensPage";
import { TopBar } from "./TopBar";
import { VersionsPage } from "./VersionsPage";

const TABS = {
  overview: { name: "Overview", page: OverviewPage },
  confusion: { name: "Mix-ups", page: ConfusionPage },
  versions: { name: "Versions", page: VersionsPage },
  images: { name: "Images", page: ImagesPage },
  labels: { name: "Labels", page: LabelsPage },
  review: { name: "Review", page: ReviewPage },
  people: { name: "People", page: PeoplePage },
  gold: { name: "Gold", page: GoldPage },
  tokens: { name: "Tokens", page: TokensPage },
  settings: { name: "Settings", page: SettingsPage },
} as const;

type Tab = keyof typeof TABS;

function isTab(name: string | undefined): name is Tab {
  return name !== undefined && Object.hasOwn(TABS, name);
}

export function ProjectRoom() {
  const { params } = useRoute();
  const { session } = useSession();
  const slug = params.slug ?? "";
  const tab: Tab = isTab(params.tab) ? params.tab : "overview";
  const project = managed(session).find((item) => item.slug === slug);
  useTitle(`${TABS[tab].name}, ${project?.name ?? "Staff room"}`);

  if (!project) return <NotYours />;
  const Page = TABS[tab].page;
  return (
    <div class="staff-page stack">
      <TopBar />
      <header class="project-head">
        <h1>{project.name}</h1>
        <nav class="row project-links small" aria-label="Other pages of the project">
          <a href={`/label/${slug}`}>Label</a>
          <a href={`/try/${slug}`}>Try it</a>
          <a href={`/expert/${slug}`}>For experts</a>
        </nav>
      </header>
      <Tabs slug={slug} current={tab} />
      <JumpList key={tab} />
      <main>
        <Page slug={slug} key={`${slug}/${tab}`} />
      </main>
    </div>
  );
}

function Tabs({ slug, current }: { slug: string; current: Tab }) {
  const list = useRef<HTMLElement>(null);
  // On a phone the list scrolls sideways: the tab one is on must be in sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another tab is the reason to look.
  useEffect(() => {
    const here = list.current?.querySelector<HTMLElement>("[aria-current]");
    if (here && list.current) list.current.scrollLeft = here.offsetLeft - here.offsetWidth;
  }, [current]);
  return (
    <nav class="tabs" aria-label="Parts of the staff room" ref={list}>
      {Object.entries(TABS).map(([key, { name }]) => (
        <a
          key={key}
          href={`/staff/${slug}/${key}`}
          aria-current={key === current ? "page" : undefined}
        >
          {name}
        </a>
      ))}
    </nav>
  );
}

function NotYours() {
  return (
    <div class="staff-page stack">
      <TopBar />
      <main class="card stack">
        <h1>There is no such project</h1>
        <p>
          Or it is not yours to manage. <a href="/staff/">Your projects</a>
        </p>
      </main>
    </div>
  );
}
