# The container door (src/server.ts). Both stages are of the same image, so that what was built there runs here.
FROM node:24-slim AS build
WORKDIR /build
# Packages change less often than code: installed first, they come from the cache of layers.
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json build.mjs ./
COPY src src
RUN npm run build:server

FROM node:24-slim
ENV NODE_ENV=production
# Half of the threads look names up, and one stands still for each name that nobody answers for (lookup.ts).
ENV UV_THREADPOOL_SIZE=64
# A name server that is silent is asked again after one second instead of five: calls have no longer.
ENV RES_OPTIONS=timeout:1
WORKDIR /app
# One file with all that it needs, and the map that gives its stack traces names and lines.
COPY --from=build /build/dist/server.mjs /build/dist/server.mjs.map ./
USER node
EXPOSE 3000
# The image has no curl. Alive, not ready: a restart fixes no dependency.
HEALTHCHECK --interval=15s --timeout=3s --start-period=10s --retries=3 CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 3000}/health/live`).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# Stops accepting, lets running requests end (at most 10 s), and leaves with 0: a grace period of 15 s is enough.
STOPSIGNAL SIGTERM
CMD ["node", "--enable-source-maps", "server.mjs"]
