# One image, one entry point: vivier serve | migrate | import | keys. It holds no database: give it a DATABASE_URL.

# A tag may come to name another image; the digest is that of 3.13.15-slim-trixie, for all its platforms. A newer one:
# docker buildx imagetools inspect python:3.13-slim, then make scan.
ARG BASE=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
FROM ${BASE} AS build
WORKDIR /src
COPY requirements.lock ./
# Every file is checked against the lock here; what the program does not need stays in this stage.
RUN pip download --no-cache-dir --require-hashes --only-binary :all: --dest /wheels --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY api ./api
COPY db ./db
COPY domain ./domain
COPY matching ./matching
COPY sources ./sources
COPY openapi ./openapi
RUN python -m venv /opt/vivier \
 && /opt/vivier/bin/pip install --no-cache-dir --no-index --find-links /wheels '.[otel]' \
 && /opt/vivier/bin/pip uninstall --yes pip
COPY docs ./docs
COPY scripts ./scripts
RUN python -m venv /opt/site && /opt/site/bin/pip install --no-cache-dir --no-index --find-links /wheels zensical \
 && /opt/site/bin/python -m scripts.build_docs && mv site /opt/vivier/share/vivier/

FROM ${BASE}
LABEL org.opencontainers.image.title="Vivier" \
      org.opencontainers.image.licenses="AGPL-3.0-or-later"
RUN groupadd --system --gid 10001 vivier \
 && useradd --system --uid 10001 --gid vivier --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin vivier \
 # a volume that is mounted here belongs to whom the folder belongs to
 && install --directory --owner=10001 --group=10001 /var/lib/vivier
COPY --from=build /opt/vivier /opt/vivier
ENV PATH="/opt/vivier/bin:$PATH" \
    PYTHONUNBUFFERED=1
WORKDIR /
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-c", \
  "import http.client as h, sys; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/health/ready'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["vivier"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
