"""Backblaze's own Python client against the B2 of argv: one command, told as JSON on stdin, answered as JSON."""

import hashlib
import io
import json
import logging
import sys

from b2sdk.v2 import B2Api, InMemoryAccountInfo

logging.disable(logging.CRITICAL)


def tell(version):
    """What b2sdk has understood of a version of a file."""
    return {
        "fileId": version.id_,
        "fileName": version.file_name,
        "size": version.size,
        "sha1": version.content_sha1,
        "contentType": version.content_type,
        "fileInfo": version.file_info,
        "action": getattr(version, "action", None),
        "retention": version.file_retention.mode.value,
        "legalHold": version.legal_hold.value,
    }


def read(downloaded):
    """The length and the SHA-1 of a download, and what its headers have told."""
    into = io.BytesIO()
    downloaded.save(into)
    data = into.getvalue()
    told = downloaded.download_version
    return {
        "bytes": len(data),
        "sha1": hashlib.sha1(data).hexdigest(),
        "fileId": told.id_,
        "fileName": told.file_name,
        "fileInfo": told.file_info,
        "told": told.content_sha1,
    }


def upload(bucket, path, name, info):
    return tell(bucket.upload_local_file(path, name, file_infos=info))


def versions(bucket, folder=""):
    return [tell(version) for version, _ in bucket.ls(folder, latest_only=False, recursive=True, fetch_count=2)]


def names(bucket, folder=""):
    return [
        {"name": version.file_name, "folder": folder_name}
        for version, folder_name in bucket.ls(folder, latest_only=True)
    ]


def start(bucket, name, parts):
    """A large file with its parts as texts, left unfinished."""
    session = bucket.api.session
    file_id = session.start_large_file(bucket.id_, name, "video/mp4", {"of": "b2sdk"})["fileId"]
    for number, text in enumerate(parts, 1):
        data = text.encode()
        session.upload_part(file_id, number, len(data), hashlib.sha1(data).hexdigest(), io.BytesIO(data))
    return {"fileId": file_id}


def parts(bucket, fileId):
    return [
        {"partNumber": part.part_number, "sha1": part.content_sha1, "bytes": part.content_length}
        for part in bucket.list_parts(fileId, batch_size=1)
    ]


def unfinished(bucket, startFileId=None, prefix=None):
    listed = bucket.list_unfinished_large_files(startFileId, batch_size=1, prefix=prefix)
    return [{"fileId": file.file_id, "fileName": file.file_name, "fileInfo": file.file_info} for file in listed]


def cancel(bucket, fileId):
    return {"fileId": bucket.api.cancel_large_file(fileId).file_id}


def info(bucket, fileId):
    return tell(bucket.api.get_file_info(fileId))


def download(bucket, fileId=None, name=None, range=None):
    range_ = tuple(range) if range else None
    if fileId:
        return read(bucket.download_file_by_id(fileId, range_=range_))
    return read(bucket.download_file_by_name(name, range_=range_))


def hide(bucket, name):
    return tell(bucket.hide_file(name))


def delete(bucket, fileId, name):
    return {"fileId": bucket.delete_file_version(fileId, name).file_id}


def main():
    url, key_id, key, bucket_name = sys.argv[1:]
    api = B2Api(InMemoryAccountInfo())
    api.authorize_account(url, key_id, key)
    bucket = api.get_bucket_by_name(bucket_name)
    commands = [upload, versions, names, start, parts, unfinished, cancel, info, download, hide, delete]
    asked = json.load(sys.stdin)
    command = {each.__name__: each for each in commands}[asked.pop("command")]
    try:
        answer = {"ok": command(bucket, **asked)}
    except Exception as error:  # What b2sdk makes of a refusal is what the test asks for.
        answer = {"error": type(error).__name__, "message": str(error)}
    json.dump(answer, sys.stdout)


main()
