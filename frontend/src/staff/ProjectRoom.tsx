import { useRoute } from "preact-iso";
import { ConfusionPage } from "./ConfusionPage";
import { ImagesPage } from "./ImagesPage";
import { LabelsPage } from "./LabelsPage";
import { OverviewPage } from "./OverviewPage";
import { PeoplePage } from "./PeoplePage";
import { SettingsPage } from "./SettingsPage";
import { useSession } from "./session";
import { VersionsPage } from "./VersionsPage";

const TABS = {
  overview: { name: "Overview", page: OverviewPage },
  confusion: { name: "Mix-ups", page: ConfusionPage },
  versions: { name: "Versions", page: VersionsPage },
  images: { name: "Images", page: ImagesPage },
  labels: { name: "Labels", page: LabelsPage },
  people: { name: "People", page: PeoplePage },
  settings: { name: "Settings", page: SettingsPage },
} as const;

type Tab = keyof typeof TABS;

function isTab(name: string | undefined): name is Tab {
  return name !== undefined && name in TABS;
}

export function ProjectRoom() {
  const { params } = useRoute();
  const { session } = useSession();
  const slug = params.slug ?? "";
  const tab: Tab = isTab(params.tab) ? params.tab : "overview";
  const project = session.projects.find((item) => item.slug === slug);
  const Page = TABS[tab].page;

  return (
    <div class="staff-page stack">
      <header class="staff-top">
        <a href="/staff/" class="small">
          All projects
        </a>
        <h1>{project?.name ?? slug}</h1>
        <a class="small" href={`/label/${slug}`} target="_blank" rel="noreferrer">
          Label
        </a>
        <a class="small" href={`/try/${slug}`} target="_blank" rel="noreferrer">
          Try
        </a>
        <a class="small" href={`/expert/${slug}`} target="_blank" rel="noreferrer">
          Expert
        </a>
      </header>
      <nav class="tabs" aria-label="Parts of the staff room">
        {Object.entries(TABS).map(([key, { name }]) => (
          <a
            key={key}
            href={`/staff/${slug}/${key}`}
            aria-current={key === tab ? "page" : undefined}
          >
            {name}
          </a>
        ))}
      </nav>
      <main>
        <Page slug={slug} key={`${slug}/${tab}`} />
      </main>
    </div>
  );
}
