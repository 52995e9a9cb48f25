package container

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"fondaco.dev/deploy/fondaco/internal/house"
	"fondaco.dev/services/devnet"
)

const root = "../../.."

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// compose is the file with its anchors resolved, as JSON values.
func compose(t *testing.T) map[string]any {
	t.Helper()
	var raw map[string]any
	if err := yaml.Unmarshal([]byte(read(t, "docker-compose.yml")), &raw); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(raw)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestComposeFileIsValid(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/compose-spec.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	schema, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("compose.json", schema); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("compose.json")
	if err != nil {
		t.Fatal(err)
	}
	doc := compose(t)
	if err := compiled.Validate(doc); err != nil {
		t.Errorf("docker-compose.yml: %v", err)
	}
	doc["services"].(map[string]any)["writer"].(map[string]any)["imagee"] = "x"
	if compiled.Validate(doc) == nil {
		t.Error("the schema lets an unknown key pass: this test checks nothing")
	}
}

type service struct {
	Image       string
	Build       struct{ Dockerfile string }
	ReadOnly    bool `json:"read_only"`
	Environment map[string]string
	Healthcheck struct{ Test []string }
}

func services(t *testing.T) map[string]service {
	t.Helper()
	data, err := json.Marshal(compose(t)["services"])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]service
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestEveryServiceHasItsImageAndHealth(t *testing.T) {
	t.Parallel()
	all := services(t)
	own := map[string]string{"writer": "writer", "event-handler": "event-handler", "orderbook": "orderbook", "api-1": "api", "api-2": "api", "devnet": "devnet"}
	for name, program := range own {
		s, ok := all[name]
		if !ok {
			t.Errorf("no service %s", name)
			continue
		}
		if s.Image != "fondaco/"+program || s.Build.Dockerfile != "deploy/docker/"+program+".Dockerfile" || !s.ReadOnly {
			t.Errorf("%s: image %q of %q, read-only %v", name, s.Image, s.Build.Dockerfile, s.ReadOnly)
		}
		if want := []string{"CMD", "/usr/bin/" + program, "healthcheck"}; !slices.Equal(s.Healthcheck.Test, want) {
			t.Errorf("%s: healthcheck %v, want %v", name, s.Healthcheck.Test, want)
		}
	}
	for _, name := range []string{"nats", "postgres", "postgres-replica", "redis", "provision", "migrate", "balancer"} {
		if _, ok := all[name]; !ok {
			t.Errorf("no service %s", name)
		}
	}
	for _, name := range house.ServiceNames() {
		if !slices.ContainsFunc([]string{"writer", "event-handler", "orderbook", "api", "devnet"}, func(s string) bool { return s == name }) {
			t.Errorf("%s runs in `fondaco up` and in no container", name)
		}
	}
}

// Every password comes from the environment, under a name that make-env.sh makes.
func TestNoPasswordIsWrittenDown(t *testing.T) {
	t.Parallel()
	text := read(t, "docker-compose.yml") + read(t, "deploy/docker/nats.conf")
	made := read(t, "deploy/docker/make-env.sh")
	names := regexp.MustCompile(`\$\{?(FONDACO_[A-Z_]*PASSWORD[A-Z_]*)`).FindAllStringSubmatch(text, -1)
	if len(names) < 10 {
		t.Fatalf("found %d passwords", len(names))
	}
	for _, m := range names {
		if !strings.Contains(made, m[1]) {
			t.Errorf("make-env.sh does not make %s", m[1])
		}
	}
	for name, s := range services(t) {
		for key, value := range s.Environment {
			if strings.Contains(key, "PASSWORD") && !strings.HasPrefix(value, "${FONDACO_") {
				t.Errorf("%s: %s is written down", name, key)
			}
		}
	}
}

func TestImagesAreSmallAndLocked(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"event-handler", "writer", "api", "orderbook", "devnet", "fondaco"} {
		text := read(t, "deploy/docker/"+program+".Dockerfile")
		for _, want := range []string{"ARG GO_IMAGE=", "ARG BASE_IMAGE=", "distroless", "USER nonroot", `ENTRYPOINT ["/usr/bin/` + program + `"]`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s.Dockerfile lacks %q", program, want)
			}
		}
		for _, m := range regexp.MustCompile(`(?m)^COPY ([a-z][^ ]*) `).FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s.Dockerfile copies what is not there: %v", program, err)
			}
		}
	}
}

// The configuration that comes with the compose file is the devnet's.
func TestDemoConfigIsTheDevnets(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "config")
	if os.Getenv("UPDATE") != "" {
		dir = filepath.Join(root, "deploy/docker/config")
	}
	_, err := devnet.WriteConfig(dir, devnet.Endpoints{
		CasperSSE: "http://devnet:9999", CasperRPC: "http://devnet:7777/rpc", EVMHTTP: "http://devnet:8545", EVMWS: "ws://devnet:8546", ChainID: 1337,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"fondaco.yaml", "abi/USD.json", "abi/Wine.json", "abi/Market.json"} {
		want, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, filepath.Join("deploy/docker/config", name)); got != string(want) {
			t.Errorf("deploy/docker/config/%s is not the devnet's; run this test with UPDATE=1", name)
		}
	}
}
