<?php
// Accounts for the users of a directory, in PHP: reads the changes of the service `headcount serve` at $URL, handles them, and acknowledges them.
// Needs PHP 8 without extensions, for HTTPS with openssl. README.md has the settings.

// A request that failed. The code is the status of the answer, or 0 if there was none.
class Failed extends Exception
{
}

if (!getenv('URL')) {
    fwrite(STDERR, "URL: expected the address of the service, such as http://127.0.0.1:8080\n");
    exit(1);
}
$consumer = getenv('URL') . '/v1/consumers/accounts';
$accounts = getenv('ACCOUNTS') ?: 'accounts';
$wait = getenv('ONCE') === '1' ? 0 : 30;
is_dir($accounts) || mkdir($accounts);

// An account is a file, named after the percent-encoded id of the user. A change can come again, so each function has the same effect when it is repeated.
function save(string $id, string $email): void
{
    echo "save $id $email\n";
    file_put_contents("{$GLOBALS['accounts']}/$id.txt", "$email\n");
}

function close(string $id): void
{
    echo "close $id\n";
    @unlink("{$GLOBALS['accounts']}/$id.txt");
}

function call(string $method, string $url, ?array $body = null): ?array
{
    $headers = ['content-type: application/json', ...(getenv('HEADCOUNT_TOKEN') ? ['authorization: Bearer ' . getenv('HEADCOUNT_TOKEN')] : [])];
    $options = ['method' => $method, 'header' => $headers, 'content' => $body ? json_encode($body) : '', 'timeout' => 90, 'follow_location' => 0, 'ignore_errors' => true];
    $stream = @fopen($url, 'r', false, stream_context_create(['http' => $options])) ?: throw new Failed(error_get_last()['message']);
    $status = (int) explode(' ', stream_get_meta_data($stream)['wrapper_data'][0])[1];
    $text = stream_get_contents($stream);
    if ($status < 200 || $status > 299) {
        throw new Failed("a request failed with status $status: $text", $status);
    }
    // PHP does not report a connection that breaks within an answer.
    return $status === 204 ? null : (json_decode($text, true) ?? throw new Failed('an answer is not complete'));
}

// Closes the accounts of users who left before a snapshot: it has the current users only.
function sweep(): void
{
    foreach (glob("{$GLOBALS['accounts']}/*.txt") as $file) {
        try {
            call('GET', getenv('URL') . '/v1/users/' . basename($file, '.txt'));
        } catch (Failed $failed) {
            $failed->getCode() === 404 ? close(basename($file, '.txt')) : throw $failed;
        }
    }
}

function handle(array $change): void
{
    if (str_starts_with($change['kind'], 'user.')) {
        $id = rawurlencode($change['user']['id']);
        $change['user']['active'] && $change['kind'] !== 'user.deleted' ? save($id, $change['user']['email']) : close($id);
    }
}

for ($trimmed = $swept = false; ; ) {
    try {
        if ($trimmed) {
            call('POST', "$consumer/snapshot");
            $trimmed = $swept = false;
        }
        $changes = call('GET', "$consumer/changes?wait=$wait&limit=100")['items'];
        if (!$changes && $wait === 0) {
            exit(0);
        }
        // The numbers of a snapshot are negative.
        if ($changes && $changes[0]['seq'] < 0 && !$swept) {
            sweep();
            $swept = true;
        }
        foreach ($changes as $change) {
            handle($change);
            call('POST', "$consumer/acknowledgement", ['seq' => $change['seq']]);
        }
    } catch (Failed $failed) {
        $status = $failed->getCode();
        // 410: the next change is no longer kept, so the program goes on with a snapshot.
        if ($trimmed = $status === 410) {
            continue;
        }
        fwrite(STDERR, $failed->getMessage() . "\n");
        $status === 0 || $status === 429 || $status >= 500 ? sleep(1) : exit(1);
    }
}
