"""The stock client of Python against the gRPC door of argv, with stubs made in a folder of argv: one job, followed to its end."""

import json
import sys
import time

address, stubs, bucket = sys.argv[1:4]
sys.path.insert(0, stubs)

import grpc  # noqa: E402
import streaming_pb2 as pb2  # noqa: E402
import streaming_pb2_grpc as service  # noqa: E402

stub = service.StreamingStub(grpc.insecure_channel(address))


def place(key, **more):
    return pb2.S3Output(bucket=bucket, key=key, **more)


def refusal():
    try:
        stub.create_job(pb2.JobRequest())
    except grpc.RpcError as error:
        return {
            "code": error.code().name,
            "details": error.details(),
            "number": dict(error.trailing_metadata()).get("error-code"),
        }


request = pb2.JobRequest(
    reference_id="from Python",
    video=pb2.Video(s3_input=pb2.S3Input(bucket=bucket, key="film.mp4")),
    watermark=pb2.Watermark(
        s3_input=pb2.S3Input(bucket=bucket, key="logo.png"),
        upload_to=place("python/marked.mp4"),
        position=pb2.WatermarkPosition.FIX_TOP_LEFT,
    ),
    playlists=[
        pb2.PlaylistOutput(
            protocol=pb2.Protocol.HLS,
            upload_to=place("python/film.m3u8", create_bucket=True),
            options=pb2.ConvertOptions(
                fmp4=True,
                h264=pb2.H264(audio_codec=pb2.H264.AudioCodec.AAC),
                quality_names=[pb2.QualityName.R_144P, pb2.QualityName.R_240P],
            ),
            use_watermark=True,
        )
    ],
    thumbnails=[pb2.ThumbnailOutput(thumbnail_time="00:00:02.5", upload_to=place("python/poster.png"))],
)
tracking_id = stub.create_job(request).tracking_id
statuses = []
while not statuses or statuses[-1] not in ("FINISHED", "FAILED", "REVOKED"):
    results = stub.get_results(pb2.JobsResultsRequest(tracking_ids=[tracking_id])).results
    statuses.append(pb2.PrimaryStatus.Name(results[0].status))
    time.sleep(0.05)

last = results[0]
print(
    json.dumps(
        {
            "statuses": list(dict.fromkeys(statuses)),
            "reference": last.reference_id,
            "ready": last.ready_outputs,
            "ids": [output.id for output in last.playlists.outputs] + [output.id for output in last.thumbnails.outputs],
            "watermarked": last.watermarked_video.uploaded_to.key,
            "codec": last.inputs[0].file_info.video.codec,
            "refusal": refusal(),
        }
    )
)
