"""Lists all directories of an environment at once: `python concurrent_asyncio.py ENVIRONMENT_URL CLIENT_ID CLIENT_SECRET`.

Finds the directories, prints `ready`, waits for a line on standard input, lists them, and prints the numbers of users and requests, and how long that took.
"""

import asyncio
import json
import sys
import time

import headcount


async def main():
    async with headcount.AsyncClient(*sys.argv[1:]) as client:
        organizations = [one.id async for one in client.organization.all()]
        found = await asyncio.gather(*(client.directory.list_directories(one) for one in organizations))
        print("ready", flush=True)
        sys.stdin.readline()

        async def count(directory):
            return len([user async for user in client.directory.users(directory.organization_id, directory.id)])

        before, started = client.stats().requests, time.perf_counter()
        counts = await asyncio.gather(*(count(directory) for directories in found for directory in directories))
        took = time.perf_counter() - started
        print(json.dumps({"users": sum(counts), "requests": client.stats().requests - before, "seconds": round(took, 3)}))


asyncio.run(main())
