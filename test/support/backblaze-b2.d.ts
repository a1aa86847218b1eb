/** The part of the npm client that the tests call; it brings no types of its own. */
declare module 'backblaze-b2' {
  // biome-ignore lint/suspicious/noExplicitAny: what the client hands through is the service's answer, untyped.
  type Answer = Promise<{ status: number; headers: Record<string, string>; data: any }>;
  type Call = (args: object) => Answer;

  class B2 {
    constructor(options: { applicationKeyId: string; applicationKey: string; retry?: object });
    authorize: Call;
    getBucket: Call;
    getUploadUrl: Call;
    uploadFile: Call;
    startLargeFile: Call;
    getUploadPartUrl: Call;
    uploadPart: Call;
    finishLargeFile: Call;
    cancelLargeFile: Call;
    listParts: Call;
    listFileNames: Call;
    listFileVersions: Call;
    getFileInfo: Call;
    downloadFileByName: Call;
    downloadFileById: Call;
    deleteFileVersion: Call;
    hideFile: Call;
  }
  export = B2;
}
