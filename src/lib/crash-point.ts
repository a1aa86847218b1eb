/** The places at which the tests let the worker die: between each effect and its record, and behind each record. */
export type CrashPoint =
  | `after-fact:${string}`
  | 'fetch:after-checkpoint'
  | 'fetch:mid-download'
  | 'fetch:before-fact'
  | 'archive:after-upload'
  | 'archive:after-start'
  | 'archive:after-part'
  | 'archive:after-finish'
  | 'publish:after-create'
  | 'publish:after-begin'
  | 'publish:after-patch'
  | 'publish:after-naming'
  | 'captions:after-set'
  | 'notify:after-outbox'
  | 'cleanup:after-removal'
  | 'delivery:after-answer'
  | OutputPoint
  | AfterDonePoint;

/** Those of steps that make something of a recording beside it. */
export type OutputPoint =
  | 'output:after-put'
  | 'output:before-removal'
  | 'output:after-removal'
  | 'package:after-begin'
  | 'package:after-segment'
  | 'package:before-manifests'
  | 'package:after-manifest'
  | 'package:before-fact'
  | 'package-captions:after-file';

/** Those that are passed only once a recording is home and an operator does something with it. */
export type AfterDonePoint = 'withdraw:after-stage' | 'watch:after-removal' | 'rename:after-update';

/** Marks such a place, and does nothing: only the tests' own build puts a process's end here. */
export function crashPoint(_name: CrashPoint): void {}
