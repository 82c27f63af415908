# The control plane. Build it from the top of the checkout, or with scripts/docker/build-images.sh:
#
#   docker build -f deploy/docker/server.Dockerfile -t hodei-server .
#
# BASE may be any image of Debian or Ubuntu with, or with packages for, a Python of 3.11 or newer. An index behind a
# mirror, a proxy: --build-arg PIP_INDEX_URL=…, UV_DEFAULT_INDEX=…, https_proxy=…; they stay in the stages that build.
# Authorities of your own belong into a base of yours. No syntax that only BuildKit knows.
ARG BASE=python:3.12-slim-bookworm

FROM ${BASE} AS tools
RUN if ! python3 -c 'import ensurepip, ssl' 2>/dev/null; then \
        apt-get update -qq \
        && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            ca-certificates python3 python3-venv \
        && apt-get clean && rm -rf /var/lib/apt/lists/*; \
    fi \
    && python3 -c 'import sys; sys.version_info >= (3, 11) or sys.exit("BASE has no Python of 3.11 or newer")'
ARG UV="uv>=0.8,<1"
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ARG UV_DEFAULT_INDEX
ARG UV_INDEX
ARG UV_INSECURE_HOST
# The system's certificates, as pip has them: behind a company's proxy no others will do.
ENV UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true UV_NO_CACHE=1 UV_PYTHON_DOWNLOADS=never UV_LINK_MODE=copy \
    PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python3 -m venv /tools && /tools/bin/pip install --quiet "$UV"
ENV PATH=/tools/bin:$PATH

# A stage of its own, so that the layer with everything from outside changes with this list and not with our sources.
FROM tools AS requirements
COPY . /src
RUN cd /src \
    && uv export --quiet --frozen --no-dev --no-emit-workspace --no-header --output-file /requirements.txt

FROM tools AS build
RUN python3 -m venv --without-pip /opt/hodei
COPY --from=requirements /requirements.txt /
# The list is the whole of it: what packages say of their needs counted when the lock was made, and is not asked again.
RUN uv pip install --quiet --python /opt/hodei/bin/python3 --no-deps --require-hashes --compile-bytecode \
        -r /requirements.txt
COPY . /src
RUN cd /src \
    && uv build --quiet --all-packages --wheel --out-dir /wheels \
    && uv pip install --quiet --python /opt/hodei/bin/python3 --no-deps --compile-bytecode /wheels/hodei_*.whl \
    && /opt/hodei/bin/python3 -m hodei_agent_bundle build

FROM ${BASE}
# The question is for the whole standard library, of which some images have only a part.
RUN if ! python3 -c 'import asyncio, ssl' 2>/dev/null; then \
        apt-get update -qq \
        && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates python3 \
        && apt-get clean && rm -rf /var/lib/apt/lists/*; \
    fi
# The directory is in the image so that a new volume takes owner and mode from it.
RUN groupadd --gid 10001 hodei \
    && useradd --uid 10001 --gid hodei --home-dir /var/lib/hodei --no-create-home --shell /usr/sbin/nologin hodei \
    && install -d -o hodei -g hodei -m 0700 /var/lib/hodei
COPY --from=build /opt/hodei /opt/hodei
COPY deploy/docker/as-hodei.sh /usr/local/bin/as-hodei
# Jobs run in containers of their own, not in this one. In a container the loopback address would reach nobody; every
# call needs the token, which is in the volume.
ENV PATH=/opt/hodei/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HODEI_DATA_DIR=/var/lib/hodei \
    HODEI_BIND=0.0.0.0 \
    HODEI_PROCESS_ENABLED=0
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="hodei-server" \
      org.opencontainers.image.description="Control plane of the Hodei job platform" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER hodei
WORKDIR /var/lib/hodei
VOLUME /var/lib/hodei
# 50051 is hodei-server's, 3000 that of hodei-rest, the other program that is in here.
EXPOSE 50051 3000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s CMD ["python3", "-m", "hodei_grpc.health"]
ENTRYPOINT ["as-hodei"]
CMD ["hodei-server"]
