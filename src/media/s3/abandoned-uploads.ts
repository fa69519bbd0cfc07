/** Uploads that were begun and never finished, such as those of clips that were cancelled while a worker died. */

import { AbortMultipartUploadCommand, ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { MEDIA_FOLDERS } from '../media-key.ts';
import { ifThere } from './read-object.ts';
import type { Bucket } from './s3-client.ts';

/** Aborts those begun before then, a thousand for each kind of media at most; returns how many. */
export async function abortAbandonedUploads({ client, bucket }: Bucket, before: Date): Promise<number> {
  let aborted = 0;
  for (const folder of MEDIA_FOLDERS) {
    const list = new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: `${folder}/` });
    const { Uploads = [] } = await client.send(list);
    for (const { Key, UploadId, Initiated } of Uploads) {
      // What else is in the bucket is not ours to end.
      if (!Key?.startsWith(`${folder}/`) || Initiated === undefined || Initiated >= before) continue;
      await abortUpload({ client, bucket }, Key, UploadId);
      aborted += 1;
    }
  }
  return aborted;
}

/** Ends an upload and removes its parts; one that has ended is fine. */
export async function abortUpload(
  { client, bucket }: Pick<Bucket, 'client' | 'bucket'>,
  key: string,
  uploadId: string | undefined,
) {
  const abort = new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId });
  await ifThere(client.send(abort));
}
