// Accounts for the users of a directory, in Go: reads the changes of the service `headcount serve` at $URL, handles them, and acknowledges them.
// Needs the standard library only: go run provision.go. README.md has the settings.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type change struct {
	Seq  int64  `json:"seq"`
	Kind string `json:"kind"`
	User *struct {
		ID     string `json:"id"`
		Email  string `json:"email"`
		Active bool   `json:"active"`
	} `json:"user"`
}

// failed is a request that failed. The status is 0 if there was no answer.
type failed struct {
	status int
	text   string
}

func (f failed) Error() string {
	return fmt.Sprintf("a request failed with status %d: %s", f.status, f.text)
}

var (
	service  = os.Getenv("URL")
	consumer = service + "/v1/consumers/accounts"
	accounts = "accounts"
	wait     = 30
	client   = http.Client{Timeout: 90 * time.Second}
)

// An account is a file, named after the percent-encoded id of the user. A change can come again, so each function has the same effect when it is repeated.
func save(id, email string) error {
	fmt.Println("save", id, email)
	return os.WriteFile(filepath.Join(accounts, id+".txt"), []byte(email+"\n"), 0o644)
}

func closeAccount(id string) error {
	fmt.Println("close", id)
	if err := os.Remove(filepath.Join(accounts, id+".txt")); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func call(method, address, body string, result any) error {
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("content-type", "application/json")
	if token := os.Getenv("HEADCOUNT_TOKEN"); token != "" {
		request.Header.Set("authorization", "Bearer "+token)
	}
	answer, err := client.Do(request)
	if err != nil {
		return failed{0, err.Error()}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return failed{0, err.Error()}
	}
	if answer.StatusCode/100 != 2 {
		return failed{answer.StatusCode, string(text)}
	}
	if result == nil {
		return nil
	}
	return json.Unmarshal(text, result)
}

// sweep closes the accounts of users who left before a snapshot: it has the current users only.
func sweep() error {
	files, err := os.ReadDir(accounts)
	if err != nil {
		return err
	}
	for _, file := range files {
		id := strings.TrimSuffix(file.Name(), ".txt")
		err := call(http.MethodGet, service+"/v1/users/"+id, "", nil)
		if f := (failed{}); errors.As(err, &f) && f.status == http.StatusNotFound {
			err = closeAccount(id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func handle(c change) error {
	if c.User == nil || !strings.HasPrefix(c.Kind, "user.") {
		return nil
	}
	id := url.PathEscape(c.User.ID)
	if c.User.Active && c.Kind != "user.deleted" {
		return save(id, c.User.Email)
	}
	return closeAccount(id)
}

// next handles the next changes, and returns how many there were.
func next(swept *bool) (int, error) {
	var page struct {
		Items []change `json:"items"`
	}
	if err := call(http.MethodGet, fmt.Sprintf("%s/changes?wait=%d&limit=100", consumer, wait), "", &page); err != nil {
		return 0, err
	}
	for _, c := range page.Items {
		// The numbers of a snapshot are negative.
		if c.Seq < 0 && !*swept {
			if err := sweep(); err != nil {
				return 0, err
			}
			*swept = true
		}
		if err := handle(c); err != nil {
			return 0, err
		}
		if err := call(http.MethodPost, consumer+"/acknowledgement", fmt.Sprintf(`{"seq": %d}`, c.Seq), nil); err != nil {
			return 0, err
		}
	}
	return len(page.Items), nil
}

func main() {
	if service == "" {
		log.Fatal("URL: expected the address of the service, such as http://127.0.0.1:8080")
	}
	if folder := os.Getenv("ACCOUNTS"); folder != "" {
		accounts = folder
	}
	if os.Getenv("ONCE") == "1" {
		wait = 0
	}
	if err := os.MkdirAll(accounts, 0o755); err != nil {
		log.Fatal(err)
	}
	for swept := false; ; {
		count, err := next(&swept)
		if f := (failed{}); errors.As(err, &f) && f.status == http.StatusGone {
			// The next change is no longer kept, so the program goes on with a snapshot.
			swept = false
			err = call(http.MethodPost, consumer+"/snapshot", "", nil)
		} else if err == nil && count == 0 && wait == 0 {
			return
		}
		if f := (failed{}); errors.As(err, &f) && (f.status == 0 || f.status == http.StatusTooManyRequests || f.status >= 500) {
			log.Print(err)
			time.Sleep(time.Second)
		} else if err != nil {
			log.Fatal(err)
		}
	}
}
