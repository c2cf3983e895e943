import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Accounts for the users of a directory, in Java: reads the changes of the service `headcount serve` at $URL, handles them, and acknowledges them.
 * Needs Java 17 without libraries: `java Provision.java`. README.md has the settings.
 */
class Provision {
    static final String SERVICE = System.getenv("URL"), CONSUMER = SERVICE + "/v1/consumers/accounts";
    static final Path ACCOUNTS = Path.of(System.getenv().getOrDefault("ACCOUNTS", "accounts"));
    static final int WAIT = "1".equals(System.getenv("ONCE")) ? 0 : 30;
    static final HttpClient CLIENT = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(10)).build();

    // An account is a file, named after the percent-encoded id of the user. A change can come again, so each method has the same effect when it is repeated.
    static void save(String id, String email) throws IOException {
        System.out.println("save " + id + " " + email);
        Files.writeString(ACCOUNTS.resolve(id + ".txt"), email + "\n");
    }

    static void close(String id) throws IOException {
        System.out.println("close " + id);
        Files.deleteIfExists(ACCOUNTS.resolve(id + ".txt"));
    }

    /** A request that failed. */
    static class Failed extends Exception {
        /** The status of the answer, or 0 if there was none. */
        final int status;

        Failed(int status, String text) {
            super("a request failed with status " + status + ": " + text);
            this.status = status;
        }
    }

    static String call(String method, String url, String body) throws Failed, InterruptedException {
        var request = HttpRequest.newBuilder(URI.create(url)).timeout(Duration.ofSeconds(90)).header("content-type", "application/json")
            .method(method, HttpRequest.BodyPublishers.ofString(body));
        var token = System.getenv("HEADCOUNT_TOKEN");
        if (token != null && !token.isEmpty()) request.header("authorization", "Bearer " + token);
        HttpResponse<String> answer;
        try {
            answer = CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString());
        } catch (IOException error) {
            throw new Failed(0, error.toString());
        }
        if (answer.statusCode() / 100 != 2) throw new Failed(answer.statusCode(), answer.body());
        return answer.body();
    }

    /** Closes the accounts of users who left before a snapshot: it has the current users only. */
    static void sweep() throws Failed, IOException, InterruptedException {
        for (var name : ACCOUNTS.toFile().list()) {
            var id = name.replaceFirst("[.]txt$", "");
            try {
                call("GET", SERVICE + "/v1/users/" + id, "");
            } catch (Failed failed) {
                if (failed.status != 404) throw failed;
                close(id);
            }
        }
    }

    static void handle(Map<?, ?> change) throws IOException {
        if (!(change.get("user") instanceof Map<?, ?> user) || !((String) change.get("kind")).startsWith("user.")) return;
        var id = URLEncoder.encode((String) user.get("id"), StandardCharsets.UTF_8).replace("+", "%20");
        if (user.get("active").equals(true) && !change.get("kind").equals("user.deleted")) save(id, (String) user.get("email"));
        else close(id);
    }

    public static void main(String[] arguments) throws IOException, InterruptedException {
        if (SERVICE == null) {
            System.err.println("URL: expected the address of the service, such as http://127.0.0.1:8080");
            System.exit(1);
        }
        Files.createDirectories(ACCOUNTS);
        for (boolean trimmed = false, swept = false;;) {
            try {
                if (trimmed) {
                    call("POST", CONSUMER + "/snapshot", "");
                    trimmed = swept = false;
                }
                var answer = (Map<?, ?>) new Json(call("GET", CONSUMER + "/changes?limit=100&wait=" + WAIT, "")).value();
                var changes = (List<?>) answer.get("items");
                if (changes.isEmpty() && WAIT == 0) return;
                for (var item : changes) {
                    var change = (Map<?, ?>) item;
                    var seq = ((Number) change.get("seq")).longValue();
                    // The numbers of a snapshot are negative.
                    if (seq < 0 && !swept) {
                        sweep();
                        swept = true;
                    }
                    handle(change);
                    call("POST", CONSUMER + "/acknowledgement", "{\"seq\": " + seq + "}");
                }
            } catch (Failed failed) {
                // 410: the next change is no longer kept, so the program goes on with a snapshot.
                trimmed = failed.status == 410;
                if (trimmed) continue;
                System.err.println(failed.getMessage());
                if (failed.status != 0 && failed.status != 429 && failed.status < 500) System.exit(1);
                Thread.sleep(1000);
            }
        }
    }

    /** Reads the JSON of the service, because Java has no parser of its own. An application uses its library. */
    static class Json {
        final String text;
        int at = 0;

        Json(String text) {
            this.text = text;
        }

        char next() {
            while (Character.isWhitespace(text.charAt(at))) at++;
            return text.charAt(at);
        }

        Object value() {
            switch (next()) {
                case '{':
                    var object = new HashMap<String, Object>();
                    for (at++; next() != '}'; at += next() == ',' ? 1 : 0) {
                        var key = string();
                        next();
                        at++;
                        object.put(key, value());
                    }
                    at++;
                    return object;
                case '[':
                    var list = new ArrayList<Object>();
                    for (at++; next() != ']'; at += next() == ',' ? 1 : 0) list.add(value());
                    at++;
                    return list;
                case '"':
                    return string();
                default:
                    int start = at;
                    while (at < text.length() && ",]} \n".indexOf(text.charAt(at)) < 0) at++;
                    var word = text.substring(start, at);
                    return word.equals("null") ? null : word.equals("true") || word.equals("false") ? (Object) word.equals("true") : new java.math.BigDecimal(word);
            }
        }

        String string() {
            next();
            var made = new StringBuilder();
            for (at++; text.charAt(at) != '"'; at++) {
                if (text.charAt(at) != '\\') made.append(text.charAt(at));
                else if (text.charAt(++at) == 'u') {
                    made.append((char) Integer.parseInt(text.substring(at + 1, at + 5), 16));
                    at += 4;
                } else {
                    int escape = "bfnrt".indexOf(text.charAt(at));
                    made.append(escape < 0 ? text.charAt(at) : "\b\f\n\r\t".charAt(escape));
                }
            }
            at++;
            return made.toString();
        }
    }
}
