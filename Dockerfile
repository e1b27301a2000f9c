# One image for app servers and workers: what a container is, its command says.
FROM python:3.13-slim

WORKDIR /app
COPY pyproject.toml README.md ./
COPY sessionstore sessionstore
RUN pip install --no-cache-dir --no-compile ".[cli]"

COPY workers workers
COPY examples examples

RUN useradd --system app
USER app
ENV PYTHONUNBUFFERED=1

CMD ["python", "-m", "workers"]
