# modules.awk - may each file include what it includes? Run by modules.sh:
#   awk -f modules.awk modules.txt CMakeLists.txt FILE...   with paths from the repository's top
function complain(what) {
    print what
    bad = 1
}

function module_of(path, part) {
    split(path, part, "/")
    if (path ~ /^include\/fluxabot\/[a-z]+\//)
        return part[3]
    if (path ~ /^include\/fluxabot\/[a-z]+\.h$/)
        return substr(part[3], 1, length(part[3]) - 2)
    if (path == "src/main.c")
        return "app"
    if (path == "src/sandbox_main.c")
        return "sandbox"
    return part[2]
}

# Everything that a module sees through the modules it includes.
function reaches(module, seen, list, n, i) {
    n = split(uses[module], list, " ")
    for (i = 1; i <= n; i++)
        if (!(list[i] in seen)) {
            seen[list[i]] = 1
            reaches(list[i], seen)
        }
}

FILENAME ~ /modules\.txt$/ {
    sub(/#.*/, "")
    if ($1 == "never") {
        sub(/:$/, "", $2)
        module = $2
        $1 = $2 = ""
        never[module] = $0
    } else if ($1 ~ /:$/) {
        module = substr($1, 1, length($1) - 1)
        $1 = ""
        known[module] = ++order
        uses[module] = $0
        count = split($0, list, " ")
        for (i = 1; i <= count; i++) {
            if (!(list[i] in known) || list[i] == module)
                complain("modules.txt: " module " names " list[i] ", which is not above it")
            allowed[module, list[i]] = 1
        }
    }
    next
}

FILENAME ~ /CMakeLists\.txt$/ {
    if ($0 ~ /^fx_module\(/)
        statement = ""
    else if (statement == "done" || statement == 0)
        next
    statement = statement " " $0
    if ($0 !~ /\)/)
        next
    gsub(/fx_module\(|\)/, " ", statement)
    count = split(statement, word, " ")
    module = word[1]
    declared[module] = 1
    in_uses = 0
    for (i = 2; i <= count; i++)
        if (word[i] == "USES" || word[i] == "LIBS")
            in_uses = word[i] == "USES"
        else if (in_uses)
            linked[module, word[i]] = 1
    statement = "done"
    next
}

/^[ \t]*#[ \t]*include/ {
    module = module_of(FILENAME)
    where = FILENAME ":" FNR ": "
    if (!(module in known))
        complain(where module " is not in modules.txt")
    else if ($0 ~ /<fluxabot\//)
        complain(where "write \"fluxabot/...\"")
    else if (match($0, /"[^"]*"/)) {
        name = substr($0, RSTART + 1, RLENGTH - 2)
        if (name ~ /^fluxabot\//) {
            other = module_of("include/" name)
            if (!(other in known))
                complain(where name " is of no known module")
            else if (other != module && !((module, other) in allowed))
                complain(where module " may not include " name)
        } else if (FILENAME == "src/sandbox_main.c" && name ~ /^sandbox\//) {
            # the program of the sandbox is a part of it
        } else if (name ~ /\//) {
            complain(where name " is private to another module")
        } else if (FILENAME !~ /^src\// ||
                   system("test -f '" substr(FILENAME, 1, match(FILENAME, /[^\/]*$/) - 1) name "'") != 0)
            complain(where name " does not lie beside it")
    }
}

END {
    for (module in known) {
        if (!(module in declared))
            complain("CMakeLists.txt: no fx_module(" module ")")
        for (other in known) {
            if (((module, other) in allowed) && !((module, other) in linked))
                complain("CMakeLists.txt: fx_module(" module ") does not use " other ", modules.txt does")
            if (((module, other) in linked) && !((module, other) in allowed))
                complain("CMakeLists.txt: fx_module(" module ") uses " other ", modules.txt does not")
        }
    }
    for (module in declared)
        if (!(module in known))
            complain("CMakeLists.txt: " module " is not in modules.txt")
    for (module in never) {
        split("", seen)
        reaches(module, seen)
        count = split(never[module], list, " ")
        for (i = 1; i <= count; i++)
            if (list[i] in seen)
                complain("modules.txt: " module " must never reach " list[i] ", but does")
    }
    exit bad
}
