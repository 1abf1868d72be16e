package dialect_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// testOf names the test that shows a row of the two guides' feature lists;
// other tests name their rows themselves.
func testOf() map[string]string {
	return map[string]string{
		"OA-01": "TestGoldenOAuth2", "OA-02": "TestGoldenOAuth2", "OA-03": "TestGoldenOAuth2", "OA-04": "TestGoldenOAuth2",
		"OA-05": "TestGoldenOAuth2", "OA-06": "TestGoldenOAuth2", "OA-07": "TestGoldenOAuth2", "OA-08": "TestGoldenOAuth2",
		"OA-09": "TestGoldenOAuth2", "OA-10": "TestGoldenOAuth2", "OA-11": "TestGoldenOAuth2", "OA-12": "TestGoldenOAuth2",
		"OA-13": "TestGoldenOAuth2", "OA-14": "TestGoldenOAuth2", "OA-15": "TestGoldenOAuth2", "OA-16": "TestGoldenOAuth2",
		"OA-17": "TestGoldenOAuth2", "OA-18": "TestOAuth2IsSafeWhereTheGuideIsNot", "OA-19": "TestOAuth2SubjectsThatAreNoUsers",
		"OA-21": "TestGoldenOAuth2", "OA-22": "TestGoldenOAuth2", "OA-23": "TestGoldenOAuth2",
		"OA-24": "TestOAuth2IsSafeWhereTheGuideIsNot", "OA-25": "TestOAuth2SubjectsThatAreNoUsers",
		"OA-26": "TestGoldenOAuth2", "OA-27": "TestOAuth2HashesOfOtherSystems", "OA-28": "TestHashVerifies",
		"OA-29": "TestScripts", "OA-33": "TestOAuth2IsSafeWhereTheGuideIsNot", "OA-34": "TestOAuth2IsSafeWhereTheGuideIsNot",
		"OA-36": "TestOAuth2HashesOfOtherSystems", "OA-37": "TestSettingsRefuse",

		"EL-01": "TestGoldenEllar", "EL-02": "TestGoldenEllar", "EL-03": "TestGoldenEllar", "EL-04": "TestGoldenEllar",
		"EL-05": "TestGoldenEllar", "EL-06": "TestGoldenEllar", "EL-07": "TestGoldenEllar", "EL-08": "TestGoldenEllar",
		"EL-09": "TestGoldenEllar", "EL-10": "TestGoldenEllar", "EL-11": "TestGoldenEllar", "EL-12": "TestEllarStory",
		"EL-13": "TestIdentifier", "EL-14": "TestProtect", "EL-16": "TestIdentifierPolicies", "EL-17": "TestPoliciesOverThePayload",
		"EL-18": "TestIdentifier", "EL-19": "TestDigest", "EL-20": "TestEllarTokens", "EL-21": "TestEllarTokens", "EL-22": "TestOpenParallel",
		"EL-23": "TestSettingsRefuse", "EL-24": "TestEllarWithAKeyPair", "EL-25": "TestEllarTokens", "EL-26": "TestEllarTokens",
		"EL-27": "TestEllarTokens", "EL-28": "TestEllarOptions", "EL-29": "TestEllarWithAKeyPair", "EL-30": "TestEllarTokens",
		"EL-31": "TestSettingsRefuse", "EL-32": "TestSettingsRefuse", "EL-33": "TestVectors", "EL-34": "TestOAuth2HashesOfOtherSystems",
		"EL-35": "TestEllarIsLimited", "EL-36": "TestEllarOptions", "EL-37": "TestEllarOptions", "EL-38": "TestEllarStory",
		"EL-39": "TestEllarTokens", "EL-41": "TestSettingsRefuse", "EL-42": "TestEllarStory", "EL-43": "TestReuseEndsTheSession",
		"EL-44": "TestScripts", "EL-45": "TestScripts",

		"EZ-41": "TestScripts", "EZ-73": "TestWalkthrough",
	}
}

var (
	testName = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
	rowName  = regexp.MustCompile(`\b(?:DJ|EZ|ES|OA|EL)-\d\d\b`)
)

// TestEveryFeatureHasATest: testdata/features.txt lists the 241 features of
// the five systems. Each is named by a test.
func TestEveryFeatureHasATest(t *testing.T) {
	tests, named := testsOf(t, "..")
	for row, test := range testOf() {
		if !tests[test] {
			t.Errorf("%s: there is no test %s", row, test)
		}
		named[row] = true
	}
	rows := lines(t, "features.txt")
	if len(rows) != 241 {
		t.Errorf("%d features, want 241", len(rows))
	}
	for _, line := range rows {
		if row, title, _ := strings.Cut(line, " | "); !named[row] {
			t.Errorf("%s has no test: %s", row, title)
		}
	}
}

// testsOf finds the names of all tests below root, and the rows they name.
func testsOf(t *testing.T, root string) (tests, rows map[string]bool) {
	t.Helper()
	tests, rows = make(map[string]bool), make(map[string]bool)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, "features_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, m := range testName.FindAllSubmatch(b, -1) {
			tests[string(m[1])] = true
		}
		for _, m := range rowName.FindAll(b, -1) {
			rows[string(m)] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, rows
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}
