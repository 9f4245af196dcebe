// Validates a whole OCFL storage root with ocfl-java, an implementation that shares nothing with Sohoa's.
// java -cp 'JARS/*' ValidateRoot.java STORAGE_ROOT WORK_FOLDER
// One line an object: its id, then its errors and warnings, parted by tabs, each "CODE message".

import io.ocfl.api.OcflRepository;
import io.ocfl.api.model.ValidationIssue;
import io.ocfl.core.OcflRepositoryBuilder;
import io.ocfl.core.extension.storage.layout.config.HashedNTupleLayoutConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

public class ValidateRoot {
    public static void main(String[] arguments) {
        Path root = Path.of(arguments[0]);
        OcflRepository repository = new OcflRepositoryBuilder()
                .defaultLayoutConfig(new HashedNTupleLayoutConfig())
                .storage(storage -> storage.fileSystem(root))
                .workDir(Path.of(arguments[1]))
                .build();
        repository.listObjectIds().sorted().forEach(id -> {
            List<String> line = new ArrayList<>(List.of(id));
            var results = repository.validateObject(id, true);
            for (ValidationIssue issue : results.getErrors()) {
                line.add(issue.getCode() + " " + issue.getMessage());
            }
            for (ValidationIssue issue : results.getWarnings()) {
                line.add(issue.getCode() + " " + issue.getMessage());
            }
            System.out.println(String.join("\t", line).replace('\n', ' '));
        });
    }
}
