/** What the settings page offers: a field a setting, in the order they are read. */

export type FieldKind = "text" | "long" | "count" | "share" | "money" | "switch" | "choice";

export interface Field {
  name: string;
  label: string;
  hint: string;
  kind: FieldKind;
  /** Nothing may be typed: there is none then. */
  isOptional?: boolean;
  /** What a choice offers: the server's code, and words for it. */
  choices?: [code: string, words: string][];
}

export interface Group {
  title: string;
  fields: Field[];
}

export const GROUPS: Group[] = [
  {
    title: "About",
    fields: [
      { name: "name", label: "Name", hint: "Volunteers see it.", kind: "text" },
      {
        name: "description",
        label: "What it is about",
        hint: "One or two lines on the page that invites people.",
        kind: "long",
      },
      {
        name: "consent",
        label: "What people agree to",
        hint: "What is stored, how answers are used, under which licence.",
        kind: "long",
      },
      {
        name: "licence",
        label: "Licence",
        hint: "Of new pictures and of the labels.",
        kind: "text",
      },
      { name: "time_zone", label: "Time zone", hint: "Decides when a month begins.", kind: "text" },
    ],
  },
  {
    title: "Answers an image needs",
    fields: [
      {
        name: "votes_pool",
        label: "Answers an image to learn from needs",
        hint: "Training pictures. One is usually right: more pictures beat more answers.",
        kind: "count",
      },
      {
        name: "votes_audit",
        label: "Answers an audit image needs",
        hint: "Accuracy rests on these. Never more than there are active people. 1 for who labels alone.",
        kind: "count",
      },
      {
        name: "active_annotator_days",
        label: "Days for which somebody counts as active",
        hint: "After their last visit. What waits for people who are gone longer is settled without them.",
        kind: "count",
      },
    ],
  },
  {
    title: "What people are asked next",
    fields: [
      {
        name: "audit_serving_share",
        label: "Served from the audit images",
        hint: "More makes accuracy known sooner, and the classifier better later.",
        kind: "share",
      },
      {
        name: "random_arm_share",
        label: "Served at random",
        hint: "Finds what the classifier cannot see, and shows what choosing gains.",
        kind: "share",
      },
      {
        name: "tail_share",
        label: "Chosen for labels with few pictures",
        hint: "Of what the classifier chooses, while a label has fewer than five. At most 25 %.",
        kind: "share",
      },
      {
        name: "contains_share",
        label: "Asked about one label alone",
        hint: "Where a picture may show several. Of what the classifier chooses, at most half.",
        kind: "share",
      },
      {
        name: "novelty_share",
        label: "Chosen because it looks like nothing so far",
        hint: "Of what the classifier chooses: where a label may be missing. At most 25 %.",
        kind: "share",
      },
    ],
  },
  {
    title: "Pictures nearly the same",
    fields: [
      {
        name: "alike_share",
        label: 'Answers followed by "is this all the same?"',
        hint: "Pictures nearly the same are confirmed at once. Never audit images.",
        kind: "share",
      },
      {
        name: "lending_enabled",
        label: "Learn from pictures nearly the same",
        hint: "Once answers show that such pictures bear one label. They are asked about last.",
        kind: "switch",
      },
    ],
  },
  {
    title: "Newcomers and gold",
    fields: [
      {
        name: "onboarding_images",
        label: "Images in a newcomer's first round",
        hint: "Gold images, explained after each answer. 0: no first round.",
        kind: "count",
      },
      {
        name: "gold_serving_share",
        label: "Gold among what people are served",
        hint: "Unseen; shows how often somebody is right. Starts by itself with 20 gold images.",
        kind: "share",
      },
      {
        name: "skill_floor",
        label: "Pause people whose skill is surely under",
        hint: "Measured on gold images only. Staff can lift a pause, and it sticks.",
        kind: "share",
      },
      {
        name: "skill_min_gold",
        label: "Gold answers before anybody is paused",
        hint: "Fewer say too little of a person.",
        kind: "count",
      },
    ],
  },
  {
    title: "Checks by experts and others",
    fields: [
      {
        name: "adjudication_share",
        label: "Audit images on which people agree that an expert checks",
        hint: "20 % at the least; where they disagree, all go to an expert.",
        kind: "share",
      },
      {
        name: "doubt_serving_share",
        label: "Second opinions of labels that may be wrong",
        hint: "At most so many for each labeled image to learn from; one other person is asked. 0: none.",
        kind: "share",
      },
    ],
  },
  {
    title: "What people see",
    fields: [
      {
        name: "suggestions_enabled",
        label: "Show the classifier's guess while labeling",
        hint: "Faster, and it draws people to the guess: see what it does on the page about people.",
        kind: "switch",
      },
      {
        name: "suggestions_hidden_share",
        label: "Images without the guess, even so",
        hint: "What shows how far the guess draws people.",
        kind: "share",
      },
      {
        name: "leaderboard_enabled",
        label: "Show volunteers a list of who answered how much",
        hint: "Counts reward speed, not care. Off is usually better.",
        kind: "switch",
      },
    ],
  },
  {
    title: "Training and budget",
    fields: [
      {
        name: "target_accuracy",
        label: "Accuracy to reach",
        hint: "The forecast says how far it is, and answers count as accepted from about this share of right ones on. Empty: no forecast, and 90 % for what is accepted.",
        kind: "share",
        isOptional: true,
      },
      {
        name: "deployment_mode",
        label: "A new classifier that has passed its checks",
        hint: "In every case the newest one chooses what people are asked next.",
        kind: "choice",
        choices: [
          ["AUTOMATIC", "serves by itself"],
          ["ASK", "waits for a manager's yes"],
          ["SHADOW", "never serves; it is only measured"],
        ],
      },
      {
        name: "finetune_enabled",
        label: "Fine-tune by itself when it pays",
        hint: "Within the budget only.",
        kind: "switch",
      },
      {
        name: "finetune_min_new_labels",
        label: "New labels before the next fine-tune",
        hint: "At the least.",
        kind: "count",
      },
      {
        name: "monthly_budget",
        label: "Budget a month, in money",
        hint: "In whatever currency you count: the same as the price below. Training stops when it is spent.",
        kind: "money",
      },
      {
        name: "price_per_device_hour",
        label: "Price of an hour on the training machine",
        hint: "In the same currency. Hours used times this price is what was spent.",
        kind: "money",
      },
    ],
  },
  {
    title: "Programs",
    fields: [
      {
        name: "may_queue_uploads",
        label: "Programs may send pictures to the queue",
        hint: "Off: a prediction stores nothing of its picture.",
        kind: "switch",
      },
      {
        name: "queued_uploads_per_hour",
        label: "Pictures an hour at most",
        hint: "From all programs together.",
        kind: "count",
      },
    ],
  },
];

export type Value = string | number | boolean;

/** What the heading of a group is called in an address. */
export function groupId(title: string): string {
  return title.toLowerCase().replaceAll(" ", "-");
}

/** Where a setting stands on the settings page. */
export function settingAddress(slug: string, name: string): string {
  return `/staff/${slug}/settings#setting-${name}`;
}

/** What a field shows of a stored value: shares in hundredths. */
export function shown(kind: FieldKind, value: unknown): Value {
  if (kind === "switch") return value === true;
  if (kind === "share" && typeof value === "number") return Math.round(value * 1000) / 10;
  return typeof value === "number" || typeof value === "string" ? value : "";
}

/** What is sent of what was typed: null for none, undefined where it is no number. */
export function sent(
  { kind, isOptional }: Pick<Field, "kind" | "isOptional">,
  typed: string | boolean,
): Value | null | undefined {
  if (typeof typed === "boolean" || isWords(kind)) return typed;
  if (typed.trim() === "") return isOptional ? null : undefined;
  if (Number.isNaN(Number(typed))) return undefined;
  return kind === "share" ? Number(typed) / 100 : Number(typed);
}

function isWords(kind: FieldKind): boolean {
  return kind === "text" || kind === "long" || kind === "choice";
}
