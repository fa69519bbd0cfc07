/** What an inbound dialect is: pure functions from its words to ours and back, one for each documented route. */

import type { Refusal } from '../domain/failure.ts';
import type { JsonObject } from '../domain/json.ts';
import type { ModelOffer } from '../domain/models.ts';
import type { DialectName } from '../domain/vendor.ts';
import type { Video, VideoState } from '../domain/video.ts';
import type { VideoDraft } from '../domain/video-request.ts';

/** An HTTP request as a dialect sees it: parsed, authenticated, without a framework. */
export interface DialectRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | undefined>>;
  /** By their names in lower case; of a header that came more than once, the first. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Undefined when there was no body. */
  readonly body: unknown;
}

/** A video as dialects show it: the record, and its signed links, which are null unless they lead to something. */
export interface VideoView {
  readonly video: Video;
  readonly clipUrl: string | null;
  readonly posterUrl: string | null;
  /** When those links die. */
  readonly linksExpireAt: Date;
}

/** A JSON answer. */
export interface DialectAnswer {
  readonly status: number;
  readonly body: JsonObject;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One server-sent event; `data` is written as it stands, and `event` where the document names its events. */
export interface ServerSentEvent {
  readonly event?: string;
  readonly data: string;
}

/** Which of a caller's videos a list shows. */
export interface ListQuery {
  readonly limit: number;
  readonly states?: readonly VideoState[];
  /** Newest first when absent. */
  readonly order?: 'newest' | 'oldest';
  readonly cursor?: string;
}

export interface VideoPage {
  readonly views: readonly VideoView[];
  readonly nextCursor: string | null;
}

interface RouteBase {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** As documented, with `:id` where a video is named. */
  readonly path: string;
  /** What it is for, as docs/routes.md says it. */
  readonly meaning: string;
}

/** What makes a video. `parse` throws `Refusal` for what does not fit. */
interface Creation extends RouteBase {
  /**
   * X1: body keys that speak for this dialect where several document the path. Absent: only the prefix or the caller's
   * own dialect selects it there.
   */
  readonly ownKeys?: readonly string[];
  parse(request: DialectRequest): {
    readonly draft: VideoDraft;
    readonly idempotencyKey?: string;
    /** A file of the caller's that is the draft's image, and the parameter that names it. */
    readonly imageFile?: { readonly id: string; readonly param: string };
  };
}

/** Makes a video and answers at once. */
export interface CreateRoute extends Creation {
  readonly kind: 'create';
  /** Whether a body may also be `multipart/form-data`; its files are `UploadedFile` in the parsed body. */
  readonly takesForms?: true;
  render(view: VideoView): DialectAnswer;
}

/** Makes a video and answers when it has ended, with the clip in base64. */
export interface CreateAndWaitRoute extends Creation {
  readonly kind: 'createAndWait';
  /** The JSON before and behind the base64. */
  surroundClip(video: Video): { readonly before: string; readonly after: string };
  /** The end was another one than completed. */
  renderFailed(view: VideoView): DialectAnswer;
  /** The wait was over before the video. */
  renderUnfinished(view: VideoView): DialectAnswer;
}

/** Makes as many videos as are asked for from one request. `parse` throws `Refusal`. */
interface CreationOfMany extends RouteBase {
  parse(request: DialectRequest): {
    readonly draft: VideoDraft;
    readonly count: number;
    /** Where the dialect itself lets a client be told, and the parameter that says so. */
    readonly callback?: { readonly param: string; readonly url: string };
  };
}

/** A job of several videos, of which its callback is told. */
export interface Job {
  readonly id: string;
  /** What signs. */
  readonly secret: string;
}

/** Makes several videos and answers at once. */
export interface CreateManyRoute extends CreationOfMany {
  readonly kind: 'createMany';
  /** `job` is null where no callback is told. */
  render(views: readonly VideoView[], request: DialectRequest, job: Job | null): DialectAnswer;
}

/** Makes several videos and keeps its answer open until they have ended. */
export interface CreateManyAndStreamRoute extends CreationOfMany {
  readonly kind: 'createManyAndStream';
  /** The one event of the answer; null while it is too early for it. */
  renderEnd(views: readonly VideoView[], request: DialectRequest): ServerSentEvent | null;
}

/** Shows several videos. `parse` gives their ids; throws `Refusal`. */
export interface ReadManyRoute extends RouteBase {
  readonly kind: 'readMany';
  parse(request: DialectRequest): readonly string[];
  render(views: readonly VideoView[]): DialectAnswer;
}

/** Makes a video from the settings of another. `parse` throws `Refusal`. */
export interface RemixRoute extends RouteBase {
  readonly kind: 'remix';
  /** Whether a body may also be `multipart/form-data`. */
  readonly takesForms?: true;
  parse(request: DialectRequest, source: Video): { readonly draft: VideoDraft };
  render(view: VideoView): DialectAnswer;
}

/** Shows one video. */
export interface ReadRoute extends RouteBase {
  readonly kind: 'read';
  render(view: VideoView): DialectAnswer;
}

/** Shows one video beside the offers of its model. */
export interface DetailRoute extends RouteBase {
  readonly kind: 'detail';
  /** Offers in order of preference; none for a model that is no longer there. */
  render(view: VideoView, offers: readonly ModelOffer[]): DialectAnswer;
}

/** Shows a caller's videos. */
export interface ListRoute extends RouteBase {
  readonly kind: 'list';
  parse(request: DialectRequest): ListQuery;
  render(page: VideoPage): DialectAnswer;
}

/** Follows one video by server-sent events: one for each change, then those of its end. */
export interface StreamRoute extends RouteBase {
  readonly kind: 'stream';
  renderChange(view: VideoView): ServerSentEvent;
  /** What follows the last change. */
  readonly closing: readonly ServerSentEvent[];
}

/** Ends a video before it is made. */
export interface CancelRoute extends RouteBase {
  readonly kind: 'cancel';
  /** `isStopped`: false when the video had ended before. */
  render(isStopped: boolean): DialectAnswer;
}

/** Serves the bytes of a video's media. */
export interface ContentRoute extends RouteBase {
  readonly kind: 'content';
  /** Which file is asked for; throws `Refusal` for one that there is not, or not yet. */
  choose(request: DialectRequest, video: Video): 'clip' | 'poster' | 'spritesheet';
}

/** Changes how long the media of a video are kept. `parse` throws `Refusal`. */
export interface RetainRoute extends RouteBase {
  readonly kind: 'retain';
  parse(request: DialectRequest): { readonly days: number };
  render(view: VideoView, days: number): DialectAnswer;
}

/** What becomes of a video that has not ended when it is removed (X9). */
interface Removal {
  /** Whether the media go as well, at once. */
  readonly purgesMedia: boolean;
  /** `hide`: it goes on unseen and is paid; `cancel`: it is cancelled first; `refuse`: it stays. */
  readonly whileRunning: 'hide' | 'cancel' | 'refuse';
}

/** Removes a video from its caller's history. */
export interface DeleteRoute extends RouteBase, Removal {
  readonly kind: 'delete';
  /** How an unknown id is answered: as success, so as not to tell, or as 404. */
  readonly unknownId: 'success' | 'not found';
  render(id: string): DialectAnswer;
}

/** Removes all of a caller's videos with their media; what has not ended is cancelled (X9). */
export interface DeleteAllRoute extends RouteBase {
  readonly kind: 'deleteAll';
  render(count: number): DialectAnswer;
}

/** Shows the models on offer. */
export interface ModelsRoute extends RouteBase {
  readonly kind: 'models';
  render(offers: readonly ModelOffer[]): DialectAnswer;
}

/** Shows one of the models on offer; its id may hold slashes, escaped or not. */
export interface ModelRoute extends RouteBase {
  readonly kind: 'model';
  render(offer: ModelOffer): DialectAnswer;
}

/** Stands for something that the document has and Clipyard cannot do. */
export interface UnsupportedRoute extends RouteBase {
  readonly kind: 'unsupported';
  readonly problem: string;
}

/** Every kind of route; a new kind asks for its handler. */
export interface RoutesByKind {
  readonly create: CreateRoute;
  readonly createAndWait: CreateAndWaitRoute;
  readonly createMany: CreateManyRoute;
  readonly createManyAndStream: CreateManyAndStreamRoute;
  readonly remix: RemixRoute;
  readonly read: ReadRoute;
  readonly readMany: ReadManyRoute;
  readonly detail: DetailRoute;
  readonly list: ListRoute;
  readonly stream: StreamRoute;
  readonly content: ContentRoute;
  readonly cancel: CancelRoute;
  readonly retain: RetainRoute;
  readonly delete: DeleteRoute;
  readonly deleteAll: DeleteAllRoute;
  readonly models: ModelsRoute;
  readonly model: ModelRoute;
  readonly unsupported: UnsupportedRoute;
}

export type RouteKind = keyof RoutesByKind;
/** A route of one of the kinds `K`; written as a map so that a table of handlers can be indexed by `kind`. */
export type DialectRoute<K extends RouteKind = RouteKind> = { [P in K]: RoutesByKind[P] & { readonly kind: P } }[K];

/** The inbound face of a documented API. */
export interface Dialect {
  readonly name: DialectName;
  /** How long after creation the media are kept. */
  readonly retentionSeconds: number;
  readonly routes: readonly DialectRoute[];
  /** A refusal in this dialect's own error shape. */
  renderRefusal(refusal: Refusal): DialectAnswer;
}
