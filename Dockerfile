# Sohoa in one image: the API, the workers and every command (docs/operations/docker.md).
ARG PYTHON_IMAGE=python:3.11.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/sohoa
WORKDIR /src
# What is installed is what the lock has, by digest.
COPY requirements-image.lock ./
RUN /opt/sohoa/bin/pip install --no-deps --require-hashes -r requirements-image.lock
COPY pyproject.toml README.md LICENSE ./
COPY sohoa sohoa
COPY storage storage
COPY ingest ingest
COPY ocr_workers ocr_workers
COPY search_api search_api
RUN /opt/sohoa/bin/pip install --no-deps --no-build-isolation .

FROM ${PYTHON_IMAGE}
# The model is in the image: what a page reads like must not depend on the machine that reads it.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        tesseract-ocr tesseract-ocr-vie fonts-liberation2 fonts-texgyre fonts-freefont-ttf \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --user-group --home-dir /var/lib/sohoa --create-home --shell /usr/sbin/nologin sohoa
COPY --from=build /opt/sohoa /opt/sohoa
ENV PATH=/opt/sohoa/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 SOHOA_HOME=/var/lib/sohoa SOHOA_HOST=0.0.0.0
USER 10001:10001
WORKDIR /var/lib/sohoa
VOLUME /var/lib/sohoa
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=40s --retries=4 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["sohoa"]
CMD ["serve"]
