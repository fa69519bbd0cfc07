/** What every face and route of one sandbox works with. */

import type { Conditions } from './conditions.ts';
import type { ResultLinks } from './links.ts';
import type { SandboxModel } from './models.ts';
import type { ClipRenderer } from './render/clip-renderer.ts';
import type { TaskStore } from './task-store.ts';

/** What all parts of one sandbox share. */
export interface SandboxContext {
  readonly store: TaskStore;
  readonly conditions: Conditions;
  readonly links: ResultLinks;
  readonly renderer: ClipRenderer;
  /** The keys that are good; null: every key is. */
  readonly keys: ReadonlySet<string> | null;
  /** What a face publishes whose API has a list of models. */
  readonly models: readonly SandboxModel[];
  log(message: string): void;
}

/** The same for one face. */
export interface FaceContext extends SandboxContext {
  /** The face's name: its tasks' `provider`. */
  readonly provider: string;
}
