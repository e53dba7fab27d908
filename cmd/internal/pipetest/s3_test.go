package pipetest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// buildS3 builds a server that speaks S3, once.
var buildS3 = sync.OnceValues(func() (string, error) {
	server := filepath.Join(shared.data, "gofakes3")
	build := exec.Command("go", "build", "-modfile=cmd/internal/tools/tools.mod", "-o", server, "github.com/johannesboyne/gofakes3/cmd/gofakes3")
	build.Dir = shared.root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return server, nil
})

// startS3 starts the server and returns its address. The test is skipped where
// it cannot be built.
func startS3(t *testing.T) string {
	t.Helper()
	server, err := buildS3()
	if err != nil {
		t.Skipf("no S3 server: %v", err)
	}
	host := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	startServer(t, exec.Command(server, "-host", host, "-backend", "memory", "-initialbucket", "bucket", "-quiet"))
	listens(t, host)
	return "http://" + host
}

// TestPackageFromS3: a package that one user pushes, another installs from its
// name alone, as the help of oi-crop says; it is checked, and what is trained on
// it has the same weights.
func TestPackageFromS3(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short")
	}
	copies := map[string]string{ // by program
		"aws":    `copy() { aws --endpoint-url "$S3" s3 cp --only-show-errors "$@"; }; copytree() { copy --recursive "$@"; }`,
		"rclone": `copytree() { rclone copy "$(at "$1")" "$(at "$2")"; }; at() { case $1 in s3:*) echo "s3test:${1#s3://}";; *) echo "$1";; esac; }; copy() { case $1,$2 in -,*) rclone rcat "$(at "$2")";; *,-) rclone cat "$(at "$1")";; *) rclone copyto "$(at "$1")" "$(at "$2")";; esac; }`,
	}
	var missing []string
	for name := range copies {
		if !have(name) {
			delete(copies, name)
			missing = append(missing, name)
		}
	}
	if len(copies) == 0 {
		t.Skip("neither aws nor rclone (Debian: awscli, rclone)")
	}
	t.Logf("not here: %s", strings.Join(missing, ", "))
	for name, functions := range copies {
		t.Run(name, func(t *testing.T) {
			address := startS3(t)
			as := func(script string) string {
				t.Helper()
				home := t.TempDir() // another user's
				cmd := exec.Command("bash", "-euo", "pipefail", "-c", functions+"\n"+script)
				cmd.Dir = home
				cmd.Env = append(environment(home), "S3="+address, "SHARED="+shared.data, "MODEL="+filepath.Join(shared.data, "s3-"+name),
					"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true",
					"RCLONE_CONFIG_S3TEST_TYPE=s3", "RCLONE_CONFIG_S3TEST_PROVIDER=Other", "RCLONE_CONFIG_S3TEST_ENDPOINT="+address,
					"RCLONE_CONFIG_S3TEST_ACCESS_KEY_ID=test", "RCLONE_CONFIG_S3TEST_SECRET_ACCESS_KEY=test")
				for _, variable := range []string{"PYENV_VERSION", "PYENV_ROOT"} {
					if value, ok := os.LookupEnv(variable); ok {
						cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%s", variable, value))
					}
				}
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				return string(out)
			}
			as(`
				oi-crop --dir food --manifest quilt=s3://bucket/me/food "$SHARED/crops.oi" 2>said >/dev/null
				hash=$(sed -n 's/.*top hash \([0-9a-f]*\);.*/\1/p' said)
				copytree food s3://bucket/me/food
				copy food.quilt.jsonl s3://bucket/.quilt/packages/$hash
				printf %s $hash | copy - s3://bucket/.quilt/named_packages/me/food/latest
				oi-train -q --arch reference --epochs 1 -o "$MODEL" "$SHARED/crops.oi" >/dev/null`)
			said := as(`
				hash=$(copy s3://bucket/.quilt/named_packages/me/food/latest -)
				copytree s3://bucket/me/food food
				copy s3://bucket/.quilt/packages/$hash food.quilt.jsonl
				oi-crop --unpack food --top-hash $hash | oi-train --arch reference --epochs 1 -o again --expect "$MODEL.json"
				echo changed >food/classes.txt
				! oi-crop --unpack food --top-hash $hash >changed.oi`)
			for _, want := range []string{"is the package of top hash ", "bit for bit; data: the same", "food/classes.txt has "} {
				if !strings.Contains(said, want) {
					t.Errorf("no %q in\n%s", want, said)
				}
			}
		})
	}
}
