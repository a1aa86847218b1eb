/** What is said otherwise than in the usual advice, which is for what Sluice tries again by itself. */
interface OtherAdvice {
  /** Of a recording that has failed for good: nothing happens any more unless somebody does it. */
  readonly failed?: string;
  /** To whoever has asked for something (a request, a command) and was refused: it is for them to ask again. */
  readonly asked?: string;
  /** No further attempt can help: the bytes are gone, or are no recording. */
  readonly isLost?: true;
  /** It says that the bytes are not the recording, so that nothing may be made of them. */
  readonly about?: 'bytes';
}

/** What each error code means and what a person can do about it. docs/errors.md is written from this table. */
export const ERROR_CATALOGUE = {
  // Start-up
  CONFIG_INVALID: [
    'A setting is missing or malformed.',
    'The message lists every problem with its variable; correct them in the environment or in .env and start again.',
  ],
  LEDGER_UNUSABLE: [
    'The ledger could not be opened.',
    'Check that DATA_DIR exists, is writable by this user and lies on a local disk with free space; of a database, that DATABASE_URL is right (sluice doctor says what it answers).',
  ],
  LEDGER_IN_USE: [
    'Processes of Sluice still write to the ledger.',
    'Stop Sluice on every host (npx pm2 stop all, or Ctrl+C), then do it again.',
  ],

  HOST_TAKEN: [
    'Another machine is known to the ledger by the name of this one, or keeps a ledger that can have one host alone.',
    'Give each host a HOST_ID and a DATA_DIR of its own, and let several hosts share a ledger in Postgres only; of a machine that was replaced, forget the earlier one first (sluice hosts forget).',
  ],

  // The doors
  REQUEST_INVALID: [
    'The request is malformed.',
    'Correct the fields that the message names and send it again.',
  ],
  NOT_LOCAL: [
    'This address answers callers on the same machine only.',
    'Call it from the server itself, directly and not through a proxy.',
  ],
  LOGIN_REQUIRED: [
    'This address is for operators, and the request does not show that it comes from one.',
    'Log in at /login, or send the header "Authorization: Bearer" with the ADMIN_TOKEN or a token of your own.',
  ],
  HANDED_SECRET_WRONG: [
    'There is no job of this id that this secret opens.',
    'Send the token of the job as "Authorization: Bearer" to its callbackUrl, and use inputUrl and outputPrefix as they came.',
  ],
  EXECUTOR_DOWN: [
    'What steps are handed over to takes none now.',
    'Nothing has to be done: it is asked again by itself, at no cost. If it lasts, look at EXECUTOR and its settings (docs/executors.md).',
    { failed: 'Look at EXECUTOR and its settings (docs/executors.md), then try it again.' },
  ],
  EXECUTOR_SILENT: [
    'A program elsewhere that does a step has not been heard of for too long.',
    'Nothing has to be done: it is handed out anew. If it comes again, look there whether it runs and reaches PUBLIC_URL.',
    { failed: 'Look where steps are done whether they run and reach PUBLIC_URL, then try it again.' },
  ],
  EXECUTOR_FAILED: [
    'A program elsewhere that does a step says that it has failed.',
    'The message has its own words. It is tried again, unless it says that this cannot help.',
    { failed: 'The message has its own words. Mend what they name, then try it again.' },
  ],
  HANDED_CLOSED: [
    'Nobody waits for this job any more: it was handed out anew, its recording was cancelled, or it has ended.',
    'End the work on it; what it would bring is not wanted.',
  ],
  INVITATION_WRONG: [
    'This invites no worker: it was used, has expired, or never was an invitation.',
    'Make another one (sluice workers invite), and start the worker with that.',
  ],
  WORKER_KEY_WRONG: [
    'There is no worker that this key opens the door to, or it was revoked.',
    'Invite the worker anew (sluice workers invite), and start it with that.',
  ],
  WORKER_NAME_TAKEN: [
    'There is a worker of this name already.',
    'Start this one under another name, or revoke that one first (sluice workers revoke).',
  ],
  READ_ONLY: [
    'This token is for looking only.',
    'Ask an operator to do it, or for a token with which it can be done (sluice access create).',
  ],
  WATCH_LINK_INVALID: [
    'This link does not open this recording.',
    'Open it as you got it, to its last character, or ask for a new one.',
  ],
  WATCH_LINK_EXPIRED: [
    'This link has expired.',
    'Ask for a new one, such as by loading the page anew that you got it from.',
  ],
  WATCH_OFF: [
    'Recordings are shown to operators only.',
    'Set WATCH in .env to signed or public, and restart the pipeline.',
  ],
  RECIPE_UNKNOWN: [
    'There is no recipe of this name.',
    'The message names those that there are; "sluice recipes" shows what each does. A new one goes into RECIPES_FILE.',
  ],
  PRESET_UNKNOWN: [
    'There is no preset of this name.',
    'The message names those that there are; "sluice presets" shows what each does, and "sluice presets create" makes one.',
  ],
  PRESET_BUILT_IN: [
    'This preset is one of Sluice, which nobody changes or removes.',
    'Make one of your own under another name; "sluice presets show" prints the parameters to begin from.',
  ],
  PRESET_TAKEN: [
    'There is a preset of this name already.',
    'Choose another name, or change that one (sluice presets change).',
  ],
  NAME_TAKEN: [
    'There is a token of this name already.',
    'Choose another name, or revoke that token first (sluice access revoke).',
  ],
  CROSS_SITE: [
    'A page of another origin sent the request.',
    'Use the dashboard itself; if this was it, the proxy changes the Host header: let it pass Host or X-Forwarded-Host.',
  ],
  TOO_MANY_REQUESTS: ['Too many requests came from this address.', 'Wait for as long as Retry-After says.'],
  TOO_BUSY: [
    'More is sent than this server can look at.',
    'Send it again after the time that Retry-After says; Zoom does so by itself.',
  ],
  NOT_FOUND: [
    'There is nothing at this address.',
    'Check the path, the method and the id against the documentation; which recordings there are, "sluice list" and the dashboard show.',
  ],
  WRONG_STATE: [
    'The recording is in a state in which this cannot be done.',
    'The message names what can be done with it now.',
  ],
  TOO_MANY_LISTENERS: [
    'Too many callers are listening to what happens here.',
    'Close some dashboards, or try again later.',
  ],
  TOO_LARGE: ['The request is larger than this door accepts.', 'Send less.'],
  SIGNATURE_INVALID: [
    "The request does not carry a valid Zoom signature for this server's secret token.",
    'Compare ZOOM_WEBHOOK_SECRET_TOKEN with the Secret Token of the Zoom app, and make sure that the proxy passes x-zm-* headers and the body unchanged.',
  ],
  SIGNATURE_STALE: [
    "The signed timestamp is outside the accepted window, or this server's clock is wrong.",
    'Check the clock (NTP); the window is ZOOM_TIMESTAMP_TOLERANCE_S.',
  ],
  INPUT_INVALID: [
    'This is no address that an input can be brought from.',
    'Write s3://bucket/key, https://host/path, or media-in:folder/file.mp4 for what lies below MEDIA_IN.',
  ],
  INPUT_NOT_ALLOWED: [
    'Inputs are not taken from this address.',
    'The message says why: buckets are those of S3_INPUT_BUCKETS, paths lie below MEDIA_IN, and web servers are public ones with https, or listed in INPUT_ORIGINS.',
  ],
  INPUT_NOT_FOUND: [
    'There is nothing at the address of the input.',
    'Check the spelling, and with a bucket that the key may list and read it.',
  ],
  INPUT_REFUSED: [
    'The web server of the input does not give it out.',
    'Open the address without being logged in: if it asks for a name or a password, it cannot be brought from there.',
  ],
  OUTPUT_NOT_ALLOWED: [
    'Outputs are not put into this bucket.',
    'Add it to S3_OUTPUT_BUCKETS in .env and restart, or name another one.',
  ],
  OUTPUT_BUCKET_MISSING: [
    'The bucket that an output is to go to is not there.',
    'Check its spelling and that the key may list it, or ask for it to be made (createBucket).',
  ],
  OUTPUT_EXISTS: [
    'Where an output is to go lies something already, which is not to be replaced.',
    'Choose another key, remove what lies there, or allow it to be replaced (leave dontReplace out).',
  ],
  PATH_INVALID: ['The path cannot be used.', 'Give an absolute path without a NUL byte.'],
  PATH_NOT_ALLOWED: [
    'The file lies outside the folders that files are taken from.',
    'Move it into one of them, or add its folder to CUSTOM_ROOTS; links count by where they lead.',
  ],
  PATH_LOOP: ['The path runs in a circle of symbolic links.', 'Repair the links or give the real path.'],
  ZOOM_NOT_CONNECTED: [
    'Sluice has no credentials to ask Zoom with.',
    'Set ZOOM_ACCOUNT_ID, ZOOM_CLIENT_ID and ZOOM_CLIENT_SECRET, or oauth in the file of accounts.',
  ],
  ZOOM_RECORDING_NOT_FOUND: [
    'Zoom has no such recording, or does not show it.',
    'Give the UUID that the Zoom portal shows for this very meeting. Of one that has just ended, try again in some minutes.',
  ],
  FILE_NOT_FOUND: [
    'There is no file at this path.',
    'Check the spelling; the path is the one on the server.',
  ],
  FILE_NOT_READABLE: [
    'The file exists, and this process may not read it.',
    'Give the user that runs Sluice permission to read the file and to enter its folders.',
  ],
  FILE_NOT_REGULAR: ['The path names a folder, a device or a pipe.', 'Name one file per request.'],
  FILE_EMPTY: [
    'The file has no bytes.',
    'Find out why it is empty, and hand it over again once it has some.',
    { isLost: true },
  ],
  FILE_SIZE_DIFFERS: [
    'The file does not have the size that was announced.',
    'Hand it over again once it is complete.',
    { isLost: true },
  ],
  NOT_MEDIA: [
    'The content is neither audio nor video, whatever its name says.',
    'Open the file in a player; if it plays, install ffprobe on the server, or add its ending to MEDIA_ALLOW.',
    {
      about: 'bytes',
      failed:
        'Open the file in a player. If it plays, install ffprobe on the server or add its ending to MEDIA_ALLOW, and try it again; else cancel it.',
    },
  ],
  ACE_ID_TAKEN: [
    'Another recording already has this ace_id.',
    'Use a new ace_id for a new recording, or look at the one that has it.',
  ],
  ACE_ID_MISSING: ['The upload carries no ace_id.', 'Send the ace_id of the website in the tus metadata.'],
  UPLOAD_LEFT_OUT: [
    'Another upload of this recording had come before, with other bytes, and this one was left out.',
    'It is kept for some days in DATA_DIR/incoming/refused; to bring it in place of the other one, cancel that recording and upload the file again.',
  ],
  UPLOAD_TOO_LARGE: ['The upload is larger than this server accepts.', 'The limit is UPLOAD_MAX_BYTES.'],
  UPLOAD_TOKEN_MISSING: [
    'The request carries no upload token.',
    'The website has to give the page a token for this upload, and the page sends it as Authorization: Bearer (docs/website.md).',
  ],
  UPLOAD_TOKEN_INVALID: [
    "The upload token is damaged, incomplete, or not signed with this server's secret.",
    'Compare UPLOAD_TOKEN_SECRET with the secret of the website; the token is a JWT, HS256, with the claims ace_id (a text) and exp.',
  ],
  UPLOAD_TOKEN_EXPIRED: [
    'The upload token has expired.',
    'Ask the website for a new token, for instance by loading the page again; an upload that was begun goes on with it.',
  ],
  UPLOAD_TOKEN_MISMATCH: [
    'The upload token is for another recording than the upload.',
    'Send the ace_id that the token was made for, or none: it is taken from the token.',
  ],
  UPLOAD_LIMIT_REACHED: [
    'Too many uploads have been begun.',
    'Finish or cancel the ones that are under way, or try again in some minutes; the limits are UPLOAD_MAX_OPEN and the settings beside it.',
  ],
  UPLOAD_STORAGE_FAILED: [
    'The server could not store the upload.',
    'Nothing that was acknowledged is lost: wait a little and resume. The operator should look at the disk of DATA_DIR.',
  ],
  DOWNLOAD_GET_REFUSED: ['Uploads cannot be downloaded from here.', 'Use the published video.'],

  UPLOAD_NO_SPACE: [
    'There is not enough free space for this upload, counting the uploads that are under way.',
    'Try again later; the operator should free some space.',
  ],
  BUNNY_SIGNATURE_INVALID: [
    'The request does not carry a valid Bunny Stream signature.',
    'Compare BUNNY_READ_ONLY_API_KEY with the Read-Only API key of the library.',
  ],

  // Transfers
  REMOTE_UNAVAILABLE: [
    'A service could not be reached, or answered with a server error.',
    'It is tried again by itself; if it stays, look at the network, and at what the service says of itself.',
    {
      failed: 'Try it again once the service answers: sluice doctor says whether it does.',
      asked: 'Ask again in a while; sluice doctor says whether the service answers.',
    },
  ],
  REMOTE_THROTTLED: [
    'A service asked to be called less often.',
    'It is tried again when the service said.',
    { failed: 'Try it again, in an hour or so.', asked: 'Ask again later.' },
  ],
  REMOTE_REJECTED: [
    'A service refused a request.',
    'Read its words in the message.',
    { failed: 'Read its words in the message; once their cause is mended, try it again.' },
  ],
  REMOTE_UNAUTHORIZED: [
    'A service does not accept our credentials.',
    'Correct the key of that service in .env, or give it the rights that it lacks: sluice doctor says which.',
    {
      failed:
        'Correct the key of that service in .env, or give it the rights that it lacks: sluice doctor says which. Then try it again.',
    },
  ],
  REMOTE_CAP_EXCEEDED: [
    'The Backblaze account has reached a cap that was set for it.',
    'Raise the cap in the Backblaze account (Caps & Alerts); it is tried again later by itself.',
    {
      failed: 'Raise the cap in the Backblaze account (Caps & Alerts), then try it again.',
      asked: 'Raise the cap in the Backblaze account (Caps & Alerts).',
    },
  ],
  REMOTE_ANSWER_INVALID: [
    'A service answered with something that its documentation does not describe.',
    'It is tried again by itself; if it stays, check the address of that service in .env (sluice doctor names the setting).',
    {
      failed:
        'Check the address of that service in .env (sluice doctor names the setting), then try it again.',
      asked: 'Check the address of that service in .env (sluice doctor names the setting), then ask again.',
    },
  ],
  TRANSFER_STALLED: [
    'For as long as TRANSFER_IDLE_TIMEOUT_S fewer bytes moved than TRANSFER_MIN_BYTES_PER_S asks for.',
    'It is tried again and resumes where it stopped.',
    {
      failed:
        'Try it again once the line is better: it resumes where it stopped. If the line is always that slow, raise TRANSFER_IDLE_TIMEOUT_S or lower TRANSFER_MIN_BYTES_PER_S.',
      asked: 'Ask again; if the line is always that slow, raise TRANSFER_IDLE_TIMEOUT_S.',
    },
  ],
  TRANSFER_CORRUPT: [
    'The bytes that arrived are not the bytes that were sent.',
    'They are sent again.',
    { failed: 'Try it again; if that fails too, check the memory and the disk of this machine.' },
  ],
  DOWNLOAD_HOST_REFUSED: [
    'The download address, or a redirect from it, leads to a host that is not allowed.',
    'If it is right, add it to ZOOM_DOWNLOAD_HOSTS.',
    { failed: 'If it is right, add it to ZOOM_DOWNLOAD_HOSTS and try the recording again.' },
  ],
  DOWNLOAD_NOT_MEDIA: [
    "Zoom answered with a web page instead of the recording: its download token has expired, or the recording was deleted or isn't ready.",
    'It is tried again by itself; check in the Zoom portal that the recording still exists.',
    {
      about: 'bytes',
      failed:
        'Look in the Zoom portal: if the recording is there, try it again; if not, ask its host for a copy and hand that over as a file.',
    },
  ],
  COMPANION_INVALID: [
    'A transcript, chat or the like that Zoom sent is not what it should be.',
    'It is tried again by itself; if it stays, look at the file in the Zoom portal. Its video is not affected.',
    {
      about: 'bytes',
      failed:
        'Look at the file in the Zoom portal: if it is well, try it again; if not, cancel it. Its video is not affected.',
    },
  ],
  WAITING_FOR_VIDEO: [
    'A transcript, chat or the like waits for the video that it belongs to.',
    'Nothing to do: it goes on when the video is there, and after ZOOM_COMPANION_WAIT without it.',
    { failed: 'Try it again once its video is there, or cancel it.' },
  ],
  DOWNLOAD_LENGTH_DIFFERS: [
    'The download has another length than was announced.',
    'It is tried again from what is on the disk.',
    {
      about: 'bytes',
      failed:
        'Look where it came from (the Zoom portal) whether the recording is whole and plays; if it does, try it again.',
    },
  ],
  DOWNLOAD_REFUSED: [
    'Zoom refuses the download.',
    'Check that the recording still exists in the Zoom portal.',
    {
      failed:
        'Look in the Zoom portal: if the recording is there and may be downloaded, try it again; if not, ask its host for a copy and hand that over as a file.',
    },
  ],
  ZOOM_TRASHED: [
    "Somebody has moved the recording to Zoom's trash before it was brought home.",
    'Restore it from the trash of the Zoom portal, within 30 days: then it begins anew by itself.',
    {
      failed: 'Restore it from the trash of the Zoom portal, within 30 days: then it begins anew by itself.',
    },
  ],
  ZOOM_DELETED: [
    'Somebody has deleted the recording from Zoom before it was brought home.',
    'Ask its host for a copy and hand that over as a file: from Zoom it cannot be fetched any more.',
    { isLost: true },
  ],
  SOURCE_GONE: [
    'The file that was handed over is no longer there.',
    'Put the file back where it was, or hand it over again.',
    { about: 'bytes', failed: 'Put the file back where it was and try it again, or hand it over again.' },
  ],
  SOURCE_CHANGED: [
    'The file that was handed over has changed since.',
    'Hand it over again once nothing writes to it any more.',
    { about: 'bytes', isLost: true },
  ],
  PUBLISH_FAILED: [
    'A publisher reports that it cannot use the video.',
    'Look at the video with its publisher, and open the archived file in a player: if that plays, hand it over again.',
    { isLost: true },
  ],
  ARCHIVED_FILE_GONE: [
    'The archive no longer has the archived file.',
    'It cannot be published again from there. Cancel that, and the video that there is stays; or delete the recording and bring it once more.',
  ],
  PUBLISHER_MISSING: [
    'A recording has to do with a publisher that is not set up here.',
    'Set it up again in .env, and restart the worker: the recording goes on by itself.',
    {
      failed: 'Set it up again in .env, restart the worker, and try it again.',
      asked: 'Set it up again in .env, restart the worker, and ask again.',
    },
  ],
  VIDEO_MISSING: [
    'A publisher does not know a video that it has made, or says that it has not got its whole file.',
    'Nothing to do: it is asked again, and the video is made anew only if it keeps saying so.',
    {
      failed: 'Look at the videos with the publisher, then try it again: the video is made anew.',
    },
  ],
  CAPTIONS_REFUSED: [
    'A publisher has refused the captions of a video.',
    'Nothing to do: they are sent again; if it keeps refusing them, the recording goes on without.',
    { failed: 'Look at the archived transcript; if it is well, try it again.' },
  ],
  SERVICE_DOWN: [
    'A service fails everybody, or has failed different recordings in a row, so it is left alone for a while.',
    'Nothing to do: recordings wait without losing an attempt, and go on when the service answers again.',
    {
      failed: 'Try it again once the service answers: sluice doctor says whether it does.',
      asked: 'Ask again once the service answers: sluice doctor says whether it does.',
    },
  ],
  DISK_FULL: [
    'There is not enough room on the disk: no free space, no free inode, or a quota is used up.',
    'Free some (df -h, df -i, quota), or lower DISK_RESERVE_BYTES; what waits for it loses no attempt.',
    {
      failed: 'Free some (df -h, df -i, quota), or lower DISK_RESERVE_BYTES; then try it again.',
      asked: 'Free some (df -h, df -i, quota), or lower DISK_RESERVE_BYTES; then ask again.',
    },
  ],
  DISK_UNUSABLE: [
    'This machine cannot use its disk: it is read-only or broken, or no more files can be opened.',
    'Look at the system log (dmesg), the mount and the limit of open files (ulimit -n); what waits for it loses no attempt, and goes on by itself.',
    {
      failed:
        'Look at the system log (dmesg), the mount and the limit of open files (ulimit -n); then try it again.',
      asked:
        'Look at the system log (dmesg), the mount and the limit of open files (ulimit -n); then ask again.',
    },
  ],
  FOLDER_FULL: [
    'A folder that recordings are brought to has no room: no free space above the reserve, no free inode, or a quota is used up.',
    'Free some there (df -h, df -i, quota); what waits for it loses no attempt.',
    {
      failed: 'Free some there (df -h, df -i, quota), then try it again.',
      asked: 'Free some there (df -h, df -i, quota), then ask again.',
    },
  ],
  FOLDER_UNUSABLE: [
    'A folder that recordings are brought to cannot be used: it is not mounted, read-only, not ours to write to, or does not answer.',
    'Mount it, or let the user that runs Sluice write there: sluice doctor says what is wrong. It is tried again by itself.',
    {
      failed:
        'Mount it, or let the user that runs Sluice write there: sluice doctor says what is wrong. Then try it again.',
      asked:
        'Mount it, or let the user that runs Sluice write there: sluice doctor says what is wrong. Then ask again.',
    },
  ],
  STORE_MISSING: [
    'A recording is to be archived to a store that is not set up.',
    'Set it up again (the store "folder": FOLDER_STORE; "s3": S3_BUCKET, S3_KEY_ID and S3_SECRET); until then the recording waits, without losing an attempt.',
    {
      failed:
        'Set it up again (the store "folder": FOLDER_STORE; "s3": S3_BUCKET, S3_KEY_ID and S3_SECRET), then try it again.',
    },
  ],
  OUTPUT_PLACE_MISSING: [
    'What is made of a recording is to go to a place that is not set up here.',
    'Set it up again ("media-out": MEDIA_OUT), and restart the worker: the recording goes on by itself.',
    {
      failed: 'Set it up again ("media-out": MEDIA_OUT), restart the worker, and try it again.',
      asked: 'Set it up again ("media-out": MEDIA_OUT), restart the worker, and ask again.',
    },
  ],
  LEDGER_BUSY: [
    'Another process has kept the ledger for longer than 5 s.',
    'It is tried again by itself; if it stays, end what holds ledger.db open for writing: a backup tool, a sqlite3 shell.',
    {
      failed:
        'End what holds ledger.db open for writing (a backup tool, a sqlite3 shell), then try it again.',
      asked:
        'Ask again; if it stays, end what holds ledger.db open for writing: a backup tool, a sqlite3 shell.',
    },
  ],
  HOST_AWAY: [
    'What is asked for lies on another host, which is away at this moment.',
    'It goes on by itself as soon as that host is back; sluice hosts says which one is silent, and what lies there.',
    {
      failed: 'See that the host is back (sluice hosts says which one is silent), then try it again.',
      asked: 'Ask again in a while; sluice hosts says which host is silent.',
    },
  ],
  LEDGER_AWAY: [
    'The database that holds the ledger does not answer, or takes no changes at this moment.',
    'It goes on by itself as soon as the database is back; sluice doctor says what it answers (DATABASE_URL).',
    {
      failed: 'See that the database is back (sluice doctor says what it answers), then try it again.',
      asked: 'Ask again in a moment; if it stays, look at the database (sluice doctor says what it answers).',
    },
  ],
  WORKER_CRASHED: [
    'The worker has died several times while it moved this recording, so the recording is set aside.',
    'Look at the end of DATA_DIR/logs/worker-out.log and worker-error.log (memory, a damaged disk, a bug); try it again once the cause is mended.',
    {
      failed:
        'Look at the end of DATA_DIR/logs/worker-out.log and worker-error.log (memory, a damaged disk, a bug); try it again once the cause is mended.',
    },
  ],
  SITE_GONE: [
    'The website has answered an announcement with 410: it wants to hear no more at this address.',
    'Correct SITE_WEBHOOK_URL, or tell Sluice that the website listens again; the announcements are kept until then.',
    { failed: 'Correct SITE_WEBHOOK_URL, or tell Sluice that the website listens again.' },
  ],
  TOOL_MISSING: [
    'A program that a step needs is not there, or does not work.',
    'Install it (the package ffmpeg brings ffprobe too), or name it in .env (FFMPEG, FFPROBE).',
  ],
  FFMPEG_FAILED: [
    'What was to be made of the file could not be made: ffmpeg failed.',
    'The message has its last words. If other recordings go well, look at this file in a player; if none do, run "sluice doctor".',
  ],
  FFMPEG_STALLED: [
    'A run of ffmpeg came no further, and was ended.',
    'Nothing to do: it is tried again. If it happens often, see what else keeps the machine busy, or raise FFMPEG_STALL_S.',
    {
      failed: 'See what else keeps the machine busy, or raise FFMPEG_STALL_S, and try it again.',
      asked: 'See what else keeps the machine busy, or raise FFMPEG_STALL_S, and ask for it anew.',
    },
  ],
  FFMPEG_MEMORY: [
    'A run of ffmpeg took more memory than it may, and was ended.',
    'Ask for smaller renditions, or raise FFMPEG_MEMORY_MAX_BYTES where the machine has the memory.',
  ],
  MEDIA_BROKEN: [
    'The file begins like audio or video, and cannot be read as such.',
    'Open it in a player. If it does not play, it is damaged: bring it again from where it came from.',
    { isLost: true },
  ],
  MEDIA_REFUSED: [
    'The file is larger, longer or has more in it than this server works on, or has nothing in it.',
    'The message says what it is. Make it smaller elsewhere, and bring it again.',
    { isLost: true },
  ],
  OUTPUT_GONE: [
    'What was put into the place of outputs is not there any more.',
    'Nothing to do: all of it is put there anew. If it happens again, somebody else removes files there: leave "runs" to Sluice.',
    {
      failed:
        'Somebody else removes files in the place of outputs: leave "runs" there to Sluice, and try it again.',
      asked:
        'Somebody else removes files in the place of outputs: leave "runs" there to Sluice, and ask for it anew.',
    },
  ],
  STREAM_MISSING: [
    'What was asked for is made of pictures or of sound, and the file has none of these.',
    'Nothing is wrong with the file: leave the step out for recordings of this kind, or take another recipe for them.',
  ],
  RENDITION_INCOMPLETE: [
    'A rendition of a package was asked for with a size and no bit rate, or with a bit rate and no size.',
    'Give both, or neither, and ask anew.',
  ],
  PARAMS_UNFIT: [
    'What a step is asked for does not fit this file: a time behind its end, or more pieces than are told of.',
    'The message says what fits. Correct the parameters of the step in its recipe, or in the request of the run, and ask anew.',
  ],
  MARK_MISSING: [
    'The picture that is to be drawn on a film is not there, or is none that can be drawn.',
    'Put a PNG, JPEG or WebP into the folder of MARKS_DIR, and name it in the recipe by its path below that folder.',
  ],
  ENCODER_MISSING: [
    'The ffmpeg of this machine cannot encode what is asked for.',
    'See what it can encode ("sluice doctor"). Install another ffmpeg (FFMPEG), or ask for another codec.',
  ],
  OUTPUT_DIFFERS: [
    'What was made of the file is not what it had to be: its length, its streams or its size.',
    'Play the file to its end: it may be damaged. If it plays well, report it, with what "ffprobe" says of the file.',
  ],
  OUTPUT_TOO_SHORT: [
    'What was made of the file is shorter than the file says that it is.',
    'Play it to its end: part of it is missing or damaged. Bring it again from where it came from.',
    { isLost: true },
  ],
  TASK_MISSING: [
    'A recording is to go through a task that this installation does not have.',
    'Bring the file of the task back (TASKS_DIR), and restart the worker: the recording goes on by itself. Or cancel it.',
    {
      failed: 'Bring the file of the task back (TASKS_DIR), restart the worker, and try it again.',
      asked: 'Bring the file of the task back (TASKS_DIR), and restart the processes.',
    },
  ],
  CHECKPOINT_UNREADABLE: [
    'What a step would resume from cannot be read, and may be the only memory of something that was made elsewhere.',
    'Run the version of Sluice that wrote it, or report it; to give up what the step has made, cancel the recording.',
  ],
  EXECUTOR_TOO_LARGE: [
    'What a step is to do takes more bytes to say than the executor takes.',
    'Ask for less in one step (fewer renditions, pieces or texts), or leave its task out of EXECUTOR_TASKS: this machine has no such limit.',
  ],
  STOP_ASKED: [
    'An operator has asked for this recording to stop.',
    'Nothing to do: it stops, and is set aside or taken back.',
    { failed: 'Try it again if it is wanted after all.' },
  ],
  LEASE_LOST: [
    'Another worker has taken over this recording.',
    'Nothing to do: the other worker goes on where this one stopped.',
    { failed: 'Try it again.' },
  ],

  UNEXPECTED: ['Something happened that nobody foresaw.', 'The log has the details; please report it.'],
} as const satisfies Readonly<Record<string, Entry>>;

type Entry = readonly [meaning: string, advice: string, other?: OtherAdvice];

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/**
 * What becomes of something that has met an error: Sluice tries it again by itself; it has ended for good; or somebody
 * has asked for it, and has to ask again.
 */
export type Outlook = 'goes-on' | 'failed' | 'asked';

/** What a person can do about an error of this code; it promises nothing that will not happen. */
export function adviceFor(code: ErrorCode, outlook: Outlook): string {
  const [, advice, other]: Entry = ERROR_CATALOGUE[code];
  if (outlook === 'asked') return other?.asked ?? advice;
  if (outlook === 'goes-on') return advice;
  return other?.failed ?? (other?.isLost ? advice : `${advice} Then try it again.`);
}

/** Whether an error of this code says that the bytes are not the recording. */
export function speaksOfBytes(code: ErrorCode): boolean {
  const [, , other]: Entry = ERROR_CATALOGUE[code];
  return other?.about === 'bytes';
}

/** Whether a recording that met this may come home if it is tried again, be it after something was mended. */
export function canRetryHelp(code: ErrorCode): boolean {
  const [, , other]: Entry = ERROR_CATALOGUE[code];
  return other?.isLost !== true;
}
