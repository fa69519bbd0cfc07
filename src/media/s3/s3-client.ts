/** The way to a bucket of an S3 server, and what the server's refusals mean to an operator. */

import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client, type S3ClientConfig, S3ServiceException } from '@aws-sdk/client-s3';
import { StoreAway } from '../media-store.ts';

/** Where the bucket is, and how to be let in. */
export interface S3Settings {
  readonly bucket: string;
  /** Null: AWS. */
  readonly endpoint: string | null;
  /** Null: `us-east-1`, which servers other than AWS take. */
  readonly region: string | null;
  /** Null: what the machine or the pod is given by AWS. */
  readonly accessKeyId: string | null;
  readonly secretAccessKey: string | null;
  readonly sessionToken: string | null;
}

/** A bucket and the client that reaches it. */
export interface Bucket {
  readonly client: S3Client;
  readonly bucket: string;
  /** Of links to its objects. */
  readonly origin: string;
  /** How long an object that is read may bring nothing. */
  readonly silenceMs: number;
}

const USUAL_REGION = 'us-east-1';
const CONNECT_MS = 5_000;
/** Nothing being said for this long ends a request; one that reads a clip may wait for its reader. */
const SILENCE_MS = 30_000;
/** Callers who watch clips through us hold a connection each. */
const MOST_CONNECTIONS = 1_000;

/** Connects when it is first used. */
export function openBucket(settings: S3Settings): Bucket {
  const { bucket, endpoint } = settings;
  const region = settings.region ?? USUAL_REGION;
  const agent = { keepAlive: true, maxSockets: MOST_CONNECTIONS };
  const client = new S3Client({
    region,
    ...(endpoint !== null && { endpoint, forcePathStyle: true }),
    ...credentialsOf(settings),
    // With the SDK's own checksums an upload that is taken up again cannot be completed, and some servers keep the
    // framing of checksums as if it were bytes of the object.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Asking before each part would take a connection of its own for each.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
    },
  });
  // Outside of the SDK's own tries. What it answers about an object or an upload stays as it is.
  client.middlewareStack.add(
    (next) => async (asked) => {
      try {
        return await next(asked);
      } catch (error) {
        throw isAway(error) ? new StoreAway(inWords(error)) : error;
      }
    },
    { step: 'initialize', priority: 'high' },
  );
  const origin = endpoint === null ? `https://${bucket}.s3.${region}.amazonaws.com` : new URL(endpoint).origin;
  return { client, bucket, origin, silenceMs: SILENCE_MS };
}

/** Of an answer without a code of S3's, such as a proxy's page, the SDK says that it is unknown. */
function inWords(error: unknown): unknown {
  if (!(error instanceof S3ServiceException) || error.message !== 'UnknownError') return error;
  return new Error(`an answer ${error.$metadata.httpStatusCode} that is none of S3`, { cause: error });
}

function credentialsOf(settings: S3Settings): Pick<S3ClientConfig, 'credentials'> {
  const { accessKeyId, secretAccessKey, sessionToken } = settings;
  if (accessKeyId === null || secretAccessKey === null) return {};
  return { credentials: { accessKeyId, secretAccessKey, ...(sessionToken !== null && { sessionToken }) } };
}

/** Of objects, their parts and uploads; a bucket or a key of ours that is not there is answered 404 as well by some servers. */
const MISSING = ['NoSuchKey', 'NotFound', 'NoSuchUpload', 'InvalidRange'];

/** Whether the server says that there is no such object or upload. */
export function isMissing(error: unknown): boolean {
  return error instanceof S3ServiceException && MISSING.includes(error.name);
}

/** By what servers call them. */
const PROBLEMS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'S3_BUCKET names a bucket that does not exist there',
  InvalidBucketName: 'S3_BUCKET is not a name that a bucket can have',
  InvalidAccessKeyId: 'AWS_ACCESS_KEY_ID is not known there',
  XAdminUserNotFound: 'AWS_ACCESS_KEY_ID is not known there',
  SignatureDoesNotMatch: 'AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID',
  AccessDenied: 'these keys may not read, write and list in S3_BUCKET',
  Forbidden: 'these keys may not read, write and list in S3_BUCKET',
  PermanentRedirect: 'AWS_REGION is not the region of S3_BUCKET',
  AuthorizationHeaderMalformed: 'AWS_REGION is not the region of S3_BUCKET',
  ExpiredToken: 'AWS_SESSION_TOKEN has expired',
  CredentialsProviderError: 'there are no keys: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
};

/** What an operator has to put right, in words that name the setting; null for what may pass by itself. */
export function problemOfBucket(error: unknown): string | null {
  const said = error instanceof StoreAway ? error.cause : error;
  return said instanceof Error ? (PROBLEMS[said.name] ?? null) : null;
}

/** No answer, one that tells of the server's own trouble, or one that tells of keys, bucket or region. */
function isAway(error: unknown): boolean {
  if (!(error instanceof S3ServiceException)) return true;
  const { httpStatusCode = 0 } = error.$metadata;
  return httpStatusCode >= 500 || httpStatusCode === 429 || problemOfBucket(error) !== null;
}
